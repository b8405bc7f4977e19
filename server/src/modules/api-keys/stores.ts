import { both } from '../../platform/database/both.ts';
import { createMongoApiKeyStore } from './api-key-store.mongo.ts';
import { createSqlApiKeyStore } from './api-key-store.sql.ts';
import { createMongoServiceAccountStore } from './service-account-store.mongo.ts';
import { createSqlServiceAccountStore } from './service-account-store.sql.ts';

export const apiKeys = both(createSqlApiKeyStore, createMongoApiKeyStore);
export const serviceAccounts = both(createSqlServiceAccountStore, createMongoServiceAccountStore);
