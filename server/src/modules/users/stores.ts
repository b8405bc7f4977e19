import { both } from '../../platform/database/both.ts';
import { createMongoUserStore } from './user-store.mongo.ts';
import { createSqlUserStore } from './user-store.sql.ts';

export const users = both(createSqlUserStore, createMongoUserStore);
