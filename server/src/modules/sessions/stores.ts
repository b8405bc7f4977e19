import { both } from '../../platform/database/both.ts';
import { createMongoSessionStore } from './session-store.mongo.ts';
import { createSqlSessionStore } from './session-store.sql.ts';

export const sessions = both(createSqlSessionStore, createMongoSessionStore);
