import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { testDatabases } from '../../../test/databases.ts';
import { connectDatabase } from './database.ts';
import { expectBulkWrites } from './expect-bulk-writes.ts';

test('bulk writes on SQLite keep more in memory, and commits wait for the disk as before', async () => {
  const [sqlite = assert.fail()] = testDatabases({});
  const { url, drop } = await sqlite.freshUrl();
  const database = await connectDatabase({ url, poolSize: 1, slowQuery: 60_000, log: { warn() {} } });
  assert.ok(database.kind === 'sql');
  const pragma = async (text: string) => {
    const { rows } = await sql.raw<Record<string, number>>(`pragma ${text}`).execute(database.db);
    return Object.values(rows[0] ?? {})[0];
  };
  try {
    await expectBulkWrites(database);
    assert.equal(await pragma('cache_size'), -262_144);
    assert.equal(await pragma('wal_autocheckpoint'), 65_536);
    // 2: full.
    assert.equal(await pragma('synchronous'), 2);
  } finally {
    await database.close();
    await drop();
  }
});
