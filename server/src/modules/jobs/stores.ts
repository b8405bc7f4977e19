import { both } from '../../platform/database/both.ts';
import { createMongoJobStore } from './job-store.mongo.ts';
import { createSqlJobStore } from './job-store.sql.ts';
import { createMongoWorkerStore } from './worker-store.mongo.ts';
import { createSqlWorkerStore } from './worker-store.sql.ts';

export const jobs = both(createSqlJobStore, createMongoJobStore);
export const workers = both(createSqlWorkerStore, createMongoWorkerStore);
