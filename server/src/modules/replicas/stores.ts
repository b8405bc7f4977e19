import { both } from '../../platform/database/both.ts';
import { createMongoHeartbeatStore } from './heartbeat-store.mongo.ts';
import { createSqlHeartbeatStore } from './heartbeat-store.sql.ts';

export const heartbeats = both(createSqlHeartbeatStore, createMongoHeartbeatStore);
