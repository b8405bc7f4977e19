import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { sql } from 'kysely';
import { type DatabaseName, PATIENCE, pooledDatabase, type TestDatabase, testDatabases } from '../test/databases.ts';
import { makeEvent } from '../test/fixtures.ts';
import { putBack, rememberState } from '../test/put-back.ts';
import { type Open, type OpenStorage, onFresh, type StoreContract } from '../test/store-contract.ts';
import { launchPgbouncer } from '../tools/test-servers/pgbouncer.ts';
import { createScratch } from '../tools/test-servers/scratch.ts';
import { openStorage, type Storage } from './open-storage.ts';
import { connectDatabase, type Database } from './platform/database/database.ts';
import { createMigrator, discoverMigrations } from './platform/database/migrations.ts';

// A zone with half hours and changing clocks: whatever writes or reads local time shows.
process.env.TZ = 'America/St_Johns';

/** What a `.contract.ts` exports: contracts, and nothing else. */
type Contracts = Promise<Record<string, StoreContract>>;

/** One for every store: a new one does not compile without. */
const CONTRACTS: Record<keyof Storage, Contracts[]> = {
  events: [
    import('./modules/events/event-store.contract.ts'),
    import('./modules/events/event-list.contract.ts'),
    import('./modules/events/event-anonymise.contract.ts'),
    import('./modules/events/event-delivery.contract.ts'),
    import('./modules/events/eviction-feed.contract.ts'),
    import('./modules/events/event-outage.contract.ts'),
    import('./modules/events/event-purge.contract.ts'),
  ],
  users: [
    import('./modules/users/user-store.contract.ts'),
    import('./modules/users/user-changes.contract.ts'),
    import('./modules/users/user-names.contract.ts'),
    import('./modules/users/user-batches.contract.ts'),
    import('./modules/users/user-counters.contract.ts'),
    import('./modules/users/user-lists.contract.ts'),
    import('./modules/users/user-tombstones.contract.ts'),
    import('../test/purge-stores.contract.ts'),
  ],
  registrations: [import('./modules/auth/registration-store.contract.ts')],
  challenges: [import('./modules/auth/challenge-store.contract.ts')],
  sessions: [
    import('./modules/sessions/session-store.contract.ts'),
    import('./modules/sessions/session-changes.contract.ts'),
  ],
  keys: [import('./modules/keys/key-store.contract.ts')],
  secretChecks: [import('./modules/keys/secret-check-store.contract.ts')],
  superadmins: [import('./modules/access/superadmin-store.contract.ts')],
  roles: [import('./modules/access/role-store.contract.ts')],
  jobs: [
    import('./modules/jobs/job-store.contract.ts'),
    import('./modules/jobs/job-claims.contract.ts'),
    import('./modules/jobs/job-promises.contract.ts'),
  ],
  workers: [import('./modules/jobs/worker-store.contract.ts')],
  schedules: [import('./modules/schedules/schedule-store.contract.ts')],
  files: [import('./modules/files/file-store.contract.ts')],
  throttles: [import('./modules/guessing/throttle-store.contract.ts')],
  nonces: [import('./modules/password-encryption/nonce-store.contract.ts')],
  imports: [import('./modules/imports/import-store.contract.ts')],
  installation: [import('./modules/installation/installation-store.contract.ts')],
  heartbeats: [import('./modules/replicas/heartbeat-store.contract.ts')],
};

const PRODUCTS: Record<DatabaseName, RegExp> = {
  sqlite: /^SQLite \d/,
  postgres: /^PostgreSQL \d/,
  mysql: /^(MySQL|MariaDB) \d/,
  mongodb: /^MongoDB \d/,
};

/** Fewer than the callers of a race, so that they have to wait for each other. */
const POOL_SIZE = 10;

/** Puts the history out of reach and, after `work`, back as it was. */
async function withoutEvents<T>(database: Database, work: () => Promise<T>): Promise<T> {
  if (database.kind === 'sql') await sql`alter table events rename to events_away`.execute(database.db);
  else {
    await database.db.collection('events').rename('events_away');
    await database.db.createCollection('events', { validator: { _id: null } });
  }
  try {
    return await work();
  } finally {
    if (database.kind === 'sql') await sql`alter table events_away rename to events`.execute(database.db);
    else {
      await database.db.dropCollection('events');
      await database.db.collection('events_away').rename('events');
    }
  }
}

const contracts = (await Promise.all(Object.values(CONTRACTS).flat())).flatMap((file) => Object.values(file));

const migrations = await discoverMigrations(new URL('./modules/', import.meta.url));

/**
 * PostgreSQL once more, through a PgBouncer in transaction mode, where both are there. In session mode a connection has a session of its own, as
 * without a pooler: that run is left to the long tests, which set `RACE_ROUNDS`.
 */
const scratch = createScratch();
after(() => scratch.end());
const poolers: { label: string; database: TestDatabase }[] = [];
const modes = process.env.RACE_ROUNDS ? (['transaction', 'session'] as const) : (['transaction'] as const);
for (const mode of modes) {
  const server = process.env.TEST_POSTGRES_URL;
  if (!server) continue;
  const launched = await launchPgbouncer(scratch, { server, mode });
  if ('missing' in launched) continue;
  poolers.push({ label: `postgres by PgBouncer in ${mode} mode`, database: pooledDatabase(server, launched.url) });
}
const databases = [...testDatabases().map((database) => ({ label: database.name, database })), ...poolers];

for (const {
  label,
  database: { name, emptyUrl },
} of databases) {
  const connect = async () => {
    const { url, drop } = await emptyUrl();
    const log = { warn: () => {} };
    const database = await connectDatabase({
      url,
      poolSize: POOL_SIZE,
      slowQuery: Number.POSITIVE_INFINITY,
      log,
      patience: PATIENCE,
    });
    const close = async () => {
      await database.close();
      await drop();
    };
    return { database, close };
  };

  const migrated = async () => {
    const { database, close } = await connect();
    await createMigrator(database, migrations).up();
    return { database, close, state: await rememberState(database) };
  };
  /** Databases that are as if they were new: making one takes longer than most tests. */
  const idle: Awaited<ReturnType<typeof migrated>>[] = [];

  const open: Open = async () => {
    const used = idle.pop() ?? (await migrated());
    const { database, state } = used;
    const opened: OpenStorage = {
      storage: openStorage(database, {
        onCommit(event) {
          opened.committed.push(event);
          opened.watcher?.(event);
        },
      }),
      committed: [],
      watcher: null,
      withoutEvents: (work) => withoutEvents(database, work),
      async close() {
        try {
          await putBack(database, state);
          idle.push(used);
        } catch (error) {
          await used.close();
          throw error;
        }
      },
    };
    return opened;
  };

  describe(`stores on ${label}`, () => {
    after(async () => {
      for (const { close } of idle) await close();
    });

    it('run on the database that was meant', async (t) => {
      const { database, close } = await connect();
      t.diagnostic(`${name}: ${database.name}`);
      await close();
      assert.match(database.name, PRODUCTS[name]);
      assert.equal(database.name.endsWith(' behind a pooler'), label !== name);
    });

    it('are given a database that holds what a new one does, numbers included', async () => {
      const event = makeEvent('user:somebody');
      const writeAndRead = async ({ storage }: OpenStorage) => {
        assert.ok(await storage.events.record(event, 1));
        const evictions = await storage.events.evictionsAfter(0, 10);
        // MongoDB makes its numbers out of the time.
        const numbered = evictions.map(({ position, target }) => [name === 'mongodb' ? 'some' : position, target]);
        return { numbered, due: await storage.events.due(event.at, 10), roles: await storage.roles.list() };
      };
      let written: Awaited<ReturnType<typeof writeAndRead>> | undefined;
      await onFresh(open, async (opened) => {
        written = await writeAndRead(opened);
        assert.equal(written.numbered.length, 1);
      });
      await onFresh(open, async (opened) => assert.deepEqual(await writeAndRead(opened), written));
    });

    for (const contract of contracts) contract(open);
  });
}
