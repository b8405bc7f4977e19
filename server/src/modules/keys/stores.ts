import { both } from '../../platform/database/both.ts';
import { createMongoKeyStore } from './key-store.mongo.ts';
import { createSqlKeyStore } from './key-store.sql.ts';
import { createMongoSecretCheckStore } from './secret-check-store.mongo.ts';
import { createSqlSecretCheckStore } from './secret-check-store.sql.ts';

export const keys = both(createSqlKeyStore, createMongoKeyStore);
export const secretChecks = both(createSqlSecretCheckStore, createMongoSecretCheckStore);
