import { both } from '../../platform/database/both.ts';
import { createMongoDemandStore } from './demand-store.mongo.ts';
import { createSqlDemandStore } from './demand-store.sql.ts';

export const mfaDemands = both(createSqlDemandStore, createMongoDemandStore);
