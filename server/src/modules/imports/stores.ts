import { both } from '../../platform/database/both.ts';
import { createMongoImportStore } from './import-store.mongo.ts';
import { createSqlImportStore } from './import-store.sql.ts';

export const imports = both(createSqlImportStore, createMongoImportStore);
