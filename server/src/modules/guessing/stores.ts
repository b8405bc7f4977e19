import { both } from '../../platform/database/both.ts';
import { createMongoThrottleStore } from './throttle-store.mongo.ts';
import { createSqlThrottleStore } from './throttle-store.sql.ts';

export const throttles = both(createSqlThrottleStore, createMongoThrottleStore);
