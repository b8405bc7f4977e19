import { both } from '../../platform/database/both.ts';
import { createMongoEventStore } from './event-store.mongo.ts';
import { createSqlEventStore } from './event-store.sql.ts';

export const events = both(createSqlEventStore, createMongoEventStore);
