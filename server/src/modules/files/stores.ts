import { both } from '../../platform/database/both.ts';
import { createMongoFileStore } from './file-store.mongo.ts';
import { createSqlFileStore } from './file-store.sql.ts';

export const files = both(createSqlFileStore, createMongoFileStore, {
  standalone: new URL('./migrations/', import.meta.url),
});
