import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Kysely, sql } from 'kysely';
import { pino } from 'pino';
import { standingClock } from '../../../test/app.ts';
import { makeId } from '../../../test/fixtures.ts';
import { openStorage } from '../../open-storage.ts';
import { after, SECOND } from '../../platform/clock.ts';
import { connectDatabase, type Database } from '../../platform/database/database.ts';
import { createMigrator, discoverMigrations } from '../../platform/database/migrations.ts';
import { createReplicas, MOST_LAG } from './replicas.ts';

const migrations = await discoverMigrations(new URL('../', import.meta.url));
const ANYBODY = makeId();

type Rows = Kysely<{ beats: { id: string; at: string } }>;
const rowsOf = (database: Database) => (database as unknown as { db: Rows }).db;

/** A primary and replicas, all of them SQLite; the test itself replicates, when it calls `replicate`. */
async function world(t: TestContext, names: string[]) {
  const dir = mkdtempSync(join(tmpdir(), 'ostiary-replicas-'));
  const log: { level: number; msg: string; err?: { message: string } }[] = [];
  const opened: Database[] = [];
  const open = async (name: string) => {
    const url = `sqlite:${join(dir, name)}`;
    const database = await connectDatabase({ url, poolSize: 1, slowQuery: 60_000, log: { warn() {} } });
    opened.push(database);
    return database;
  };
  const migrated = async (name: string) => {
    const database = await open(name);
    await createMigrator(database, migrations).up();
    return database;
  };
  const primary = await migrated('primary');
  const copies = new Map<string, Database>();
  for (const name of names) copies.set(name, await migrated(name));
  const copyOf = (name: string) => copies.get(name) ?? assert.fail(name);

  const time = standingClock();
  const away = new Set<string>();
  let closed = 0;
  const replicas = createReplicas({
    sources: names.map((name) => ({
      name,
      async open() {
        if (away.has(name)) throw new Error(`${name} cannot be reached`);
        const database = await open(name);
        return {
          ...database,
          async close() {
            closed += 1;
            await database.close();
          },
          name,
        };
      },
    })),
    primary: { ...openStorage(primary, { onCommit() {} }), from: 'primary' },
    storesOf: (database) => ({ ...openStorage(database, { onCommit() {} }), from: database.name }),
    clock: () => time.now,
    log: pino({ level: 'info' }, { write: (line: string) => void log.push(JSON.parse(line)) }),
  });
  t.after(async () => {
    await replicas.stop();
    for (const database of opened) await database.close();
    rmSync(dir, { recursive: true });
  });

  /** Brings to a replica what the primary has. */
  async function replicate(...to: string[]): Promise<void> {
    const rows = await rowsOf(primary).selectFrom('beats').selectAll().execute();
    for (const name of to) {
      await rowsOf(copyOf(name)).deleteFrom('beats').execute();
      if (rows.length > 0) await rowsOf(copyOf(name)).insertInto('beats').values(rows).execute();
    }
  }
  return {
    replicas,
    time,
    primary,
    copyOf,
    away,
    log,
    replicate,
    closed: () => closed,
    /** A heartbeat that reaches these replicas, and is seen there. */
    async heartbeat(...to: string[]) {
      await replicas.poll();
      await replicate(...to);
      time.forward(1);
      await replicas.poll();
    },
    from: (readerId = ANYBODY) => replicas.read(readerId, async ({ from }) => from),
    told: () => log.map(({ msg }) => msg),
  };
}

test('without replicas everything comes from the primary, which gets no heartbeat', async (t) => {
  const { replicas, primary, from } = await world(t, []);
  replicas.start();
  replicas.wrote(ANYBODY);
  assert.equal(await from(), 'primary');
  assert.ok(replicas.allServe());
  await replicas.stop();
  assert.deepEqual(await rowsOf(primary).selectFrom('beats').selectAll().execute(), []);
});

test('a replica serves once it shows a heartbeat of this process, and is no trouble before', async (t) => {
  const w = await world(t, ['a']);
  assert.equal(await w.from(), 'primary');
  await w.replicas.poll();
  assert.equal(await w.from(), 'primary', 'connected, but nobody knows how old it is');
  assert.ok(w.replicas.allServe());
  await w.replicate('a');
  await w.replicas.poll();
  assert.equal(await w.from(), 'a');
  assert.deepEqual(w.log, []);
});

test('nothing older than ten seconds is shown, whether or not anybody looks', async (t) => {
  const w = await world(t, ['a']);
  await w.replicas.poll();
  await w.replicate('a');
  await w.replicas.poll();
  w.time.forward(MOST_LAG);
  assert.equal(await w.from(), 'a');
  w.time.forward(1);
  assert.equal(await w.from(), 'primary');
  assert.ok(w.replicas.allServe(), 'nobody has looked yet');

  for (let looks = 0; looks < 10; looks++) {
    await w.replicas.poll();
    assert.equal(await w.from(), 'primary');
    assert.equal(w.replicas.allServe(), looks <= 5, 'the first heartbeat that it lacks has been there for ten seconds');
    w.time.forward(2 * SECOND);
  }
  assert.deepEqual(w.told(), ['reading from the replica a fails; it is retried until it works']);
  assert.match(w.log[0]?.err?.message ?? '', /at least 12 s behind/);

  await w.replicate('a');
  await w.replicas.poll();
  assert.equal(await w.from(), 'a');
  assert.ok(w.replicas.allServe());
  assert.equal(w.told()[1], 'reading from the replica a works again');
  assert.equal(w.log.length, 2);
});

test('a primary that is away is not the fault of the replica', async (t) => {
  const w = await world(t, ['a']);
  await w.heartbeat('a');
  await sql`alter table beats rename to beats_away`.execute(rowsOf(w.primary));
  for (let looks = 0; looks < 3; looks++) {
    w.time.forward(8 * SECOND);
    await w.replicas.poll();
  }
  assert.ok(w.replicas.allServe());
  assert.equal(await w.from(), 'primary', 'nobody knows how old it is by now');
  assert.deepEqual(w.told(), ['writing the heartbeat for the replicas fails; it is retried until it works']);
  await sql`alter table beats_away rename to beats`.execute(rowsOf(w.primary));
  await w.heartbeat('a');
  assert.equal(await w.from(), 'a');
  assert.equal(w.told().length, 2);
});

test('whoever changed something sees it at once, others go on as before', async (t) => {
  const w = await world(t, ['a']);
  const writer = makeId();
  await w.heartbeat('a');
  assert.equal(await w.from(writer), 'a');
  w.replicas.wrote(writer);
  assert.equal(await w.from(writer), 'primary');
  assert.equal(await w.from(), 'a');

  // This heartbeat is of the same millisecond as the write: either may have been first.
  await w.replicas.poll();
  await w.replicate('a');
  await w.replicas.poll();
  assert.equal(await w.from(writer), 'primary');
  w.time.forward(1);
  await w.replicas.poll();
  assert.equal(await w.from(writer), 'primary', 'the heartbeat after the change is not there yet');
  await w.replicate('a');
  await w.replicas.poll();
  assert.equal(await w.from(writer), 'a');
});

test('a replica that fails costs no answer, and is left out until somebody has looked', async (t) => {
  const w = await world(t, ['a']);
  await w.heartbeat('a');
  const readFrom: string[] = [];
  for (let times = 0; times < 3; times++) {
    await w.replicas.read(ANYBODY, async ({ from }) => {
      readFrom.push(from);
      if (from === 'a') throw new Error('canceling statement due to conflict with recovery');
      assert.equal(await w.from(), 'primary', 'nobody else meets it meanwhile');
    });
    await w.replicas.poll();
    assert.equal(await w.from(), 'a', 'it was well, but for that statement');
  }
  assert.deepEqual(readFrom, ['a', 'primary', 'a', 'primary', 'a', 'primary'], 'once on each');
  const complaint = 'a replica failed to answer; the primary is asked';
  assert.deepEqual(w.told(), [complaint]);
  w.time.forward(60 * SECOND);
  await w.heartbeat('a');
  await w.replicas.read(ANYBODY, async ({ from }) => assert.equal(from, 'primary'));
  assert.deepEqual(w.told(), [complaint, complaint], 'once a minute');
});

test('what fails on the primary as well is told', async (t) => {
  const w = await world(t, ['a']);
  await w.heartbeat('a');
  const broken = w.replicas.read(ANYBODY, async ({ from }) => assert.fail(`broken on ${from}`));
  await assert.rejects(broken, /broken on primary/);
});

test('one that is lost is left out, told of once, and taken back', async (t) => {
  const w = await world(t, ['a']);
  await w.heartbeat('a');
  await sql`alter table beats rename to beats_away`.execute(rowsOf(w.copyOf('a')));
  for (let looks = 0; looks < 3; looks++) await w.replicas.poll();
  assert.equal(await w.from(), 'primary');
  assert.equal(w.replicas.allServe(), false);
  await sql`alter table beats_away rename to beats`.execute(rowsOf(w.copyOf('a')));
  await w.heartbeat('a');
  assert.equal(await w.from(), 'a');
  assert.ok(w.replicas.allServe());
  assert.deepEqual(w.told(), [
    'reading from the replica a fails; it is retried until it works',
    'reading from the replica a works again',
  ]);
});

test('one that is away at the start is connected as soon as it is there', async (t) => {
  const w = await world(t, ['a']);
  w.away.add('a');
  await w.heartbeat('a');
  await w.replicas.poll();
  assert.equal(await w.from(), 'primary');
  assert.equal(w.replicas.allServe(), false);
  assert.equal(w.log.length, 1);
  assert.match(w.log[0]?.err?.message ?? '', /cannot be reached/);
  w.away.delete('a');
  await w.heartbeat('a');
  assert.equal(await w.from(), 'a');
  assert.equal(w.log.length, 2);
});

test('another database is never read, however alive it is', async (t) => {
  const w = await world(t, ['other']);
  for (let second = 0; second < 60; second++) {
    await openStorage(w.copyOf('other'), { onCommit() {} }).heartbeats.heartbeat(makeId(), after(w.time.now, SECOND));
    await w.replicas.poll();
    assert.equal(await w.from(), 'primary');
    w.time.forward(SECOND);
  }
  assert.equal(w.replicas.allServe(), false);
  assert.match(w.log[0]?.err?.message ?? '', /not a replica of this database/);
  assert.equal(w.log.length, 1);
});

test('several share the readers; each reader stays with one, and moves when it is lost', async (t) => {
  const w = await world(t, ['a', 'b']);
  await w.heartbeat('a', 'b');
  const readers = Array.from({ length: 100 }, () => makeId());
  const first = await Promise.all(readers.map(w.from));
  assert.deepEqual(await Promise.all(readers.map(w.from)), first);
  assert.deepEqual(new Set(first), new Set(['a', 'b']));
  for (const name of ['a', 'b']) assert.ok(first.filter((from) => from === name).length > 20, name);

  w.time.forward(MOST_LAG + SECOND);
  await w.heartbeat('b');
  assert.deepEqual(new Set(await Promise.all(readers.map(w.from))), new Set(['b']));
  assert.equal(w.replicas.allServe(), false);
  await w.heartbeat('a', 'b');
  assert.deepEqual(await Promise.all(readers.map(w.from)), first);
});

test('start heartbeats and forgets the heartbeats of the dead; stop closes and leaves nothing', async (t) => {
  const w = await world(t, ['a']);
  const heartbeats = () => rowsOf(w.primary).selectFrom('beats').selectAll().execute();
  const store = openStorage(w.primary, { onCommit() {} }).heartbeats;
  await store.heartbeat(makeId(), after(w.time.now, -3 * 24 * 3600 * SECOND));
  const living = makeId();
  await store.heartbeat(living, after(w.time.now, -3600 * SECOND));
  w.replicas.start();
  await w.replicas.poll();
  const ids = (await heartbeats()).map(({ id }) => id);
  assert.equal(ids.length, 2);
  assert.ok(ids.includes(living));
  await w.replicas.stop();
  assert.deepEqual(
    (await heartbeats()).map(({ id }) => id),
    [living],
  );
  assert.equal(w.closed(), 1);
});
