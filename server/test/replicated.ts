import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import { connectDatabase, type Database } from '../src/platform/database/database.ts';
import { createMigrator, discoverMigrations } from '../src/platform/database/migrations.ts';
import { launchReplicatedMariadb } from '../tools/test-servers/replicated-mariadb.ts';
import { launchReplicatedPostgres } from '../tools/test-servers/replicated-postgres.ts';
import type { ReplicatedServer } from '../tools/test-servers/replicated-server.ts';
import { type FreshDatabase, testDatabases } from './databases.ts';
import { everything } from './watched-app.ts';

/** A database and its replica, as one scenario needs them. */
export interface Replication {
  fresh(): Promise<FreshDatabase & { replicaUrl: string }>;
  /** From now on the replica stays as it is, until `resume`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Resolves once the replica of a database has what was there when a heartbeat was given at `at`. */
  caughtUp(at: Date, urls: { primary: string; replica: string }): Promise<void>;
  /** Ends the replica, starts it again; null where this cannot be done to it. */
  kill: (() => Promise<void>) | null;
  restart: (() => Promise<void>) | null;
  stop(): Promise<void>;
}

const LIMIT = 30_000;

/** Waits for what another process does. */
export async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + LIMIT; !(await holds()); await sleep(10)) {
    assert.ok(Date.now() < deadline, `not in time: ${what}`);
  }
}

async function withDatabase<T>(
  url: string,
  work: (database: Database) => Promise<T>,
  options: { replica?: boolean } = {},
): Promise<T> {
  const database = await connectDatabase({ ...options, url, poolSize: 1, slowQuery: LIMIT, log: { warn() {} } });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** One SQL statement; its rows. */
export function execute(
  url: string,
  text: string,
  options: { replica?: boolean } = {},
): Promise<Record<string, unknown>[]> {
  return withDatabase(
    url,
    async (database) => {
      assert.equal(database.kind, 'sql');
      const { rows } = await sql.raw(text).execute(database.db as Kysely<unknown>);
      return rows as Record<string, unknown>[];
    },
    options,
  );
}

/** A server that replicates by itself. */
function replicationOf(server: ReplicatedServer, kind: 'postgres' | 'mysql'): Replication {
  const variable = kind === 'postgres' ? 'TEST_POSTGRES_URL' : 'TEST_MYSQL_URL';
  const [, database] = testDatabases({ [variable]: server.primary });
  return {
    ...server,
    async fresh() {
      assert.ok(database);
      const made = await database.emptyUrl();
      const replica = new URL(server.replica);
      replica.pathname = new URL(made.url).pathname;
      return { ...made, replicaUrl: replica.href };
    },
    caughtUp: (at, { replica }) =>
      eventually('the replica has caught up', async () => {
        const [row] = await execute(replica, 'select max(at) as at from beats').catch(() => []);
        return row?.at instanceof Date && row.at >= at;
      }),
  };
}

/**
 * Two databases of one server, of which the test makes one like the other: the engine that tests of MongoDB run on replicates nothing,
 * and what is shown here is our part of it.
 */
function replicationByHand(server: string): Replication {
  const [, database] = testDatabases({ TEST_MONGODB_URL: server });
  const nothing = async () => {};
  return {
    pause: nothing,
    resume: nothing,
    stop: nothing,
    kill: null,
    restart: null,
    async fresh() {
      assert.ok(database);
      const made = await database.emptyUrl();
      const copy = await database.emptyUrl();
      // Indexes, which a list may name.
      const migrations = await discoverMigrations(new URL('../src/modules/', import.meta.url));
      await withDatabase(copy.url, (opened) => createMigrator(opened, migrations).up());
      return {
        url: made.url,
        replicaUrl: copy.url.includes('directConnection=true') ? copy.url : `${copy.url}&directConnection=true`,
        async drop() {
          await made.drop();
          await copy.drop();
        },
      };
    },
    async caughtUp(_, { primary, replica }) {
      const all = await withDatabase(primary, everything);
      await withDatabase(replica, async ({ db }) => {
        for (const [name, documents] of Object.entries(all)) {
          const collection = (db as import('mongodb').Db).collection(name);
          await collection.deleteMany({});
          if (documents.length > 0) await collection.insertMany(documents);
        }
      });
    },
  };
}

export type ReplicatedKind = 'postgres' | 'mysql' | 'mongodb';

/** The kinds that this run covers, of those that have replicas. */
export const REPLICATED: ReplicatedKind[] = testDatabases().flatMap(({ name }) => (name === 'sqlite' ? [] : [name]));

/** Servers of that kind; null where this machine has none to start. */
export async function launchReplicated(kind: ReplicatedKind): Promise<Replication | null> {
  if (kind === 'mongodb') return replicationByHand(process.env.TEST_MONGODB_URL ?? '');
  const server = await (kind === 'postgres' ? launchReplicatedPostgres() : launchReplicatedMariadb());
  return server && replicationOf(server, kind);
}
