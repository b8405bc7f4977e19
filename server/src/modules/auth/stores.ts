import { both } from '../../platform/database/both.ts';
import { createMongoChallengeStore } from './challenge-store.mongo.ts';
import { createSqlChallengeStore } from './challenge-store.sql.ts';
import { createMongoRegistrationStore } from './registration-store.mongo.ts';
import { createSqlRegistrationStore } from './registration-store.sql.ts';

export const challenges = both(createSqlChallengeStore, createMongoChallengeStore);
export const registrations = both(createSqlRegistrationStore, createMongoRegistrationStore);
