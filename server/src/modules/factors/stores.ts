import { both } from '../../platform/database/both.ts';
import { createMongoFactorStore } from './factor-store.mongo.ts';
import { createSqlFactorStore } from './factor-store.sql.ts';

export const factors = both(createSqlFactorStore, createMongoFactorStore);
