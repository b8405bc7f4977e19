import { both } from '../../platform/database/both.ts';
import { createMongoScheduleStore } from './schedule-store.mongo.ts';
import { createSqlScheduleStore } from './schedule-store.sql.ts';

export const schedules = both(createSqlScheduleStore, createMongoScheduleStore);
