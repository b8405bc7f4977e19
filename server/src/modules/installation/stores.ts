import { both } from '../../platform/database/both.ts';
import { createMongoInstallationStore } from './installation-store.mongo.ts';
import { createSqlInstallationStore } from './installation-store.sql.ts';

export const installation = both(createSqlInstallationStore, createMongoInstallationStore);
