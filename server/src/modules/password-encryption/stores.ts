import { both } from '../../platform/database/both.ts';
import { createMongoNonceStore } from './nonce-store.mongo.ts';
import { createSqlNonceStore } from './nonce-store.sql.ts';

export const nonces = both(createSqlNonceStore, createMongoNonceStore);
