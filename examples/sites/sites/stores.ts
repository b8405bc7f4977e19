import { both } from 'ostiary';
import { createMongoSiteStore } from './site-store.mongo.ts';
import { createSqlSiteStore } from './site-store.sql.ts';
import { createMongoViolationStore } from './violation-store.mongo.ts';
import { createSqlViolationStore } from './violation-store.sql.ts';

export const sites = both(createSqlSiteStore, createMongoSiteStore);

/** It shares no transaction with others: `STORES_VIOLATIONS_URL` may put it on another database. */
export const violations = both(createSqlViolationStore, createMongoViolationStore, {
  standalone: new URL('./migrations/', import.meta.url),
});
