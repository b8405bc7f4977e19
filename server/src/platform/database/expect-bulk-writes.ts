import { sql } from 'kysely';
import type { Database } from './database.ts';

/** KiB of pages that stay in memory: the usual 2 MB would read most pages of large indexes again for each row. */
const CACHE = 256 * 1024;
/** Pages of the write-ahead log (256 MB): a page that many commits change is then written into the file once. */
const LOG = 65_536;

/** Prepares an open database for millions of insertions, until it is closed: `await expectBulkWrites(database)`. SQLite alone needs it. */
export async function expectBulkWrites(database: Database): Promise<void> {
  if (database.kind !== 'sql' || database.dialect !== 'sqlite') return;
  await sql`pragma cache_size = -${sql.raw(String(CACHE))}`.execute(database.db);
  await sql`pragma wal_autocheckpoint = ${sql.raw(String(LOG))}`.execute(database.db);
}
