import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { type DatabaseName, testDatabases } from '../test/databases.ts';
import type { Open, OpenStorage, StoreContract } from '../test/store-contract.ts';
import { roleStoreContract } from './modules/access/role-store.contract.ts';
import { superadminStoreContract } from './modules/access/superadmin-store.contract.ts';
import { challengeStoreContract } from './modules/auth/challenge-store.contract.ts';
import { registrationStoreContract } from './modules/auth/registration-store.contract.ts';
import { eventAnonymiseContract } from './modules/events/event-anonymise.contract.ts';
import { eventDeliveryContract } from './modules/events/event-delivery.contract.ts';
import { eventListContract } from './modules/events/event-list.contract.ts';
import { eventOutageContract } from './modules/events/event-outage.contract.ts';
import { eventPurgeContract } from './modules/events/event-purge.contract.ts';
import { eventStoreContract } from './modules/events/event-store.contract.ts';
import { evictionFeedContract } from './modules/events/eviction-feed.contract.ts';
import { throttleStoreContract } from './modules/guessing/throttle-store.contract.ts';
import { jobClaimsContract } from './modules/jobs/job-claims.contract.ts';
import { jobPromisesContract } from './modules/jobs/job-promises.contract.ts';
import { jobStoreContract } from './modules/jobs/job-store.contract.ts';
import { workerStoreContract } from './modules/jobs/worker-store.contract.ts';
import { keyStoreContract } from './modules/keys/key-store.contract.ts';
import { secretCheckStoreContract } from './modules/keys/secret-check-store.contract.ts';
import { purgeStoresContract } from './modules/maintenance/purge-stores.contract.ts';
import { nonceStoreContract } from './modules/password-encryption/nonce-store.contract.ts';
import { heartbeatStoreContract } from './modules/replicas/heartbeat-store.contract.ts';
import { scheduleStoreContract } from './modules/schedules/schedule-store.contract.ts';
import { sessionChangesContract } from './modules/sessions/session-changes.contract.ts';
import { sessionStoreContract } from './modules/sessions/session-store.contract.ts';
import { userChangesContract } from './modules/users/user-changes.contract.ts';
import { userCountersContract } from './modules/users/user-counters.contract.ts';
import { userListsContract } from './modules/users/user-lists.contract.ts';
import { userNamesContract } from './modules/users/user-names.contract.ts';
import { userStoreContract } from './modules/users/user-store.contract.ts';
import { userTombstonesContract } from './modules/users/user-tombstones.contract.ts';
import { connectDatabase, type Database } from './platform/database/database.ts';
import { createMigrator, discoverMigrations } from './platform/database/migrations.ts';
import { openStorage, type Storage } from './storage.ts';

// A zone with half hours and changing clocks: whatever writes or reads local time shows.
process.env.TZ = 'America/St_Johns';

/** One for every store: a new one does not compile without. */
const CONTRACTS: Record<keyof Storage, StoreContract[]> = {
  events: [
    eventStoreContract,
    eventListContract,
    eventAnonymiseContract,
    eventDeliveryContract,
    evictionFeedContract,
    eventOutageContract,
    eventPurgeContract,
  ],
  users: [
    userStoreContract,
    userChangesContract,
    userNamesContract,
    userCountersContract,
    userListsContract,
    userTombstonesContract,
    purgeStoresContract,
  ],
  registrations: [registrationStoreContract],
  challenges: [challengeStoreContract],
  sessions: [sessionStoreContract, sessionChangesContract],
  keys: [keyStoreContract],
  secretChecks: [secretCheckStoreContract],
  superadmins: [superadminStoreContract],
  roles: [roleStoreContract],
  jobs: [jobStoreContract, jobClaimsContract, jobPromisesContract],
  workers: [workerStoreContract],
  schedules: [scheduleStoreContract],
  throttles: [throttleStoreContract],
  nonces: [nonceStoreContract],
  heartbeats: [heartbeatStoreContract],
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

const migrations = await discoverMigrations(new URL('./modules/', import.meta.url));

for (const { name, freshUrl } of testDatabases()) {
  const connect = async () => {
    const { url, drop } = await freshUrl();
    const log = { warn: () => {} };
    const database = await connectDatabase({ url, poolSize: POOL_SIZE, slowQuery: Number.POSITIVE_INFINITY, log });
    const close = async () => {
      await database.close();
      await drop();
    };
    return { database, close };
  };

  const open: Open = async () => {
    const { database, close } = await connect();
    await createMigrator(database, migrations).up();
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
      close,
    };
    return opened;
  };

  describe(`stores on ${name}`, () => {
    it('run on the database that was meant', async (t) => {
      const { database, close } = await connect();
      t.diagnostic(`${name}: ${database.name}`);
      await close();
      assert.match(database.name, PRODUCTS[name]);
    });

    for (const contract of Object.values(CONTRACTS).flat()) contract(open);
  });
}
