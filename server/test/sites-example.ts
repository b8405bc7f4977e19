import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { story } from '../../examples/sites/story.ts';
import { connectDatabase, type Database } from '../src/platform/database/database.ts';
import { type DatabaseName, PATIENCE, testDatabases } from './databases.ts';

/** Where the example runs; `violations`: the database of that store alone. */
export interface Place {
  main: DatabaseName;
  violations?: DatabaseName;
}

const databases = new Map(testDatabases().map((database) => [database.name, database]));

/** Whether the servers of these databases are there. */
export const isThere = ({ main, violations = main }: Place): boolean =>
  databases.has(main) && databases.has(violations);

/** Runs the example of `examples/sites`, as its README tells, and sees where its violations are. */
export async function runExample({ main, violations }: Place): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'sites-'));
  const ours = (await databases.get(main)?.emptyUrl()) ?? assert.fail();
  const theirs = violations && ((await databases.get(violations)?.emptyUrl()) ?? assert.fail());
  try {
    const cheap = { ARGON2_MEMORY: '8mb', ARGON2_PASSES: '1', RATE_LIMITS: 'off' };
    const elsewhere = theirs && { STORES_VIOLATIONS_URL: theirs.url };
    await story({ env: { DATABASE_URL: ours.url, DATA_DIR: dir, ...cheap, ...elsewhere }, cwd: dir });
    assert.equal(await count(ours.url, 'sites'), 2);
    assert.equal(await count(ours.url, 'sites_violations'), theirs ? 0 : 1);
    if (theirs) assert.equal(await count(theirs.url, 'sites_violations'), 1);
    if (theirs) assert.equal(await count(theirs.url, 'events'), 3);
  } finally {
    await theirs?.drop();
    await ours.drop();
    await rm(dir, { recursive: true, force: true });
  }
}

async function count(url: string, table: 'sites' | 'sites_violations' | 'events'): Promise<number> {
  const database = await connectDatabase({
    url,
    poolSize: 1,
    slowQuery: 60_000,
    log: { warn() {} },
    patience: PATIENCE,
  });
  try {
    return await countIn(database, table);
  } finally {
    await database.close();
  }
}

async function countIn(database: Database, table: string): Promise<number> {
  if (database.kind === 'mongo') return database.db.collection(table).countDocuments();
  return (
    await database.db
      .selectFrom(table as never)
      .selectAll()
      .execute()
  ).length;
}
