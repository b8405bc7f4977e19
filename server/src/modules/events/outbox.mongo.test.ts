import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Collection, Db, Document } from 'mongodb';
import { PATIENCE, testDatabases } from '../../../test/databases.ts';
import { connectDatabase, type Database, mongoOf } from '../../platform/database/database.ts';
import { newId } from '../../platform/ids.ts';
import { createMongoEventStore } from './event-store.mongo.ts';
import type { EventDraft } from './event-store.ts';
import { mongo as migration } from './migrations/202611200000-events.ts';
import { createMongoOutbox, type EventDocument, type EvictionDocument } from './outbox.mongo.ts';

const NOW = new Date('2026-11-20T12:00:00.123Z');
const FOREIGN = 'foreign';
const CALLERS = 50;

interface Thing {
  _id: string;
  name: string;
  version: number;
}

const mongodb = testDatabases().find(({ name }) => name === 'mongodb');

if (mongodb) outboxTests(mongodb.emptyUrl);
else {
  test('MongoDB was not reachable: nothing was shown of its outbox', (t) => {
    t.diagnostic('TEST_MONGODB_URL names no server, and none was started');
    assert.equal(process.env.TEST_MONGODB_URL || null, null);
  });
}

function outboxTests(emptyUrl: () => Promise<{ url: string; drop(): Promise<void> }>): void {
  let fresh: { url: string; drop(): Promise<void> };
  let database: Database;
  let db: Db;
  let committed: string[];

  before(async () => {
    fresh = await emptyUrl();
    database = await connectDatabase({
      url: fresh.url,
      poolSize: 20,
      slowQuery: 10_000,
      log: { warn() {} },
      patience: PATIENCE,
    });
    db = mongoOf(database).db;
  });

  after(async () => {
    await database?.close();
    await fresh?.drop();
  });

  beforeEach(async () => {
    await migration.down(db);
    await db.dropCollection('things');
    await migration.up(db);
    await things().createIndex({ name: 1 }, { unique: true });
    committed = [];
  });

  const things = () => db.collection<Thing>('things');
  const recorded = () =>
    db
      .collection<EventDocument>('events')
      .find({ _id: { $ne: FOREIGN } })
      .sort({ target: 1, seq: 1 })
      .toArray();
  const feed = () => db.collection<EvictionDocument>('evictions').find().sort({ position: 1 }).toArray();
  const carried = async (id: string) =>
    (await db.collection<Document & { _id: string }>('things').findOne({ _id: id }))?.outbox;

  /** As each process has it. */
  function open() {
    const outbox = createMongoOutbox({ database, onCommit: (event) => committed.push(event.id) });
    return { ...outbox, ...outbox.attach(things()) };
  }

  /** What a process leaves that is killed after the change and before anything of its events was written. */
  async function leaveBehind(id: string, ...events: EventDraft[]): Promise<void> {
    const outbox = events.map(({ id: _id, ...event }, index) => ({ _id, ...event, seq: index + 1 }));
    const left: Collection<Document & { _id: string }> = db.collection('things');
    await left.insertOne({ _id: id, name: id, version: events.length, outbox });
  }

  /** Makes the drain of this event fail, as after a restored backup in which the events are newer than the rest. */
  async function occupy(target: string, seq: number): Promise<() => Promise<unknown>> {
    const foreign: Collection<Document & { _id: string }> = db.collection('events');
    await foreign.insertOne({ _id: FOREIGN, target, seq });
    return () => foreign.deleteOne({ _id: FOREIGN });
  }

  test('a change and its event: recorded with its seq, on the feed, and no longer in the document', async () => {
    const outbox = open();
    const first = draft('thing:1');
    const second = draft('thing:1', { pending: false, evicts: false });
    await outbox.insert({ _id: '1', name: 'a', version: 1 }, first, 1);
    assert.equal(await outbox.change({ _id: '1', version: 1 }, { name: 'b', version: 2 }, second, 2), true);

    const { pending: _, evicts: __, id, ...rest } = first;
    const [one, two] = await recorded();
    assert.deepEqual(one, { _id: id, ...rest, seq: 1, dueAt: NOW, attempts: 0, handled: [] });
    assert.deepEqual([two?._id, two?.seq, two?.dueAt], [second.id, 2, null]);
    assert.deepEqual(
      (await feed()).map(({ _id, target }) => [_id, target]),
      [[first.id, 'thing:1']],
    );
    assert.deepEqual(await carried('1'), []);
    assert.deepEqual(committed, [first.id, second.id]);
  });

  test('a change that lost leaves nothing', async () => {
    const outbox = open();
    await outbox.insert({ _id: '1', name: 'a', version: 1 }, draft('thing:1'), 1);
    await outbox.insert({ _id: '2', name: 'b', version: 1 }, draft('thing:2'), 1);
    assert.equal(await outbox.change({ _id: '1', version: 7 }, { version: 8 }, draft('thing:1'), 8), false);
    await assert.rejects(outbox.change({ _id: '1' }, { name: 'b' }, draft('thing:1'), 2), { code: 11000 });
    await assert.rejects(outbox.insert({ _id: '3', name: 'b', version: 1 }, draft('thing:3'), 1), { code: 11000 });
    assert.equal((await recorded()).length, 2);
    assert.equal(committed.length, 2);
    assert.deepEqual(await carried('1'), []);
  });

  test('of many callers that change one version one wins, and its event is the only one', async () => {
    const outbox = open();
    await outbox.insert({ _id: '1', name: 'a', version: 1 }, draft('thing:1'), 1);
    const won = await Promise.all(
      Array.from({ length: CALLERS }, () =>
        outbox.change({ _id: '1', version: 1 }, { version: 2 }, draft('thing:1'), 2),
      ),
    );
    assert.equal(won.filter(Boolean).length, 1);
    assert.deepEqual(
      (await recorded()).map(({ seq }) => seq),
      [1, 2],
    );
  });

  test('what a killed process left is brought home by the sweep, in order and once', async () => {
    const events = [draft('thing:1'), draft('thing:1', { evicts: false }), draft('thing:1')];
    await leaveBehind('1', ...events);
    const store = createMongoEventStore({ database, outbox: open() });
    assert.equal(await store.sweep(), 3);
    assert.deepEqual(
      (await store.listForTarget('thing:1')).map(({ id }) => id),
      events.map(({ id }) => id),
    );
    assert.deepEqual(
      (await feed()).map(({ _id }) => _id),
      [events[0]?.id, events[2]?.id],
    );
    assert.deepEqual(await carried('1'), []);
    assert.equal(await store.sweep(), 0);
  });

  test('killed after the event was recorded and before it was taken out: nothing happens twice', async () => {
    const event = draft('thing:1');
    await leaveBehind('1', event);
    const outbox = open();
    await outbox.sweep();
    const events = db.collection<EventDocument>('events');
    await events.updateOne({ _id: event.id }, { $set: { dueAt: null, attempts: 4 } });
    const before = [await recorded(), await feed()];
    await things().deleteOne({ _id: '1' });
    await leaveBehind('1', event);

    assert.equal(await outbox.sweep(), 0);
    assert.deepEqual([await recorded(), await feed()], before);
    assert.deepEqual(await carried('1'), []);
  });

  test('the next change of a document takes along what was left in it, and first', async () => {
    const left = draft('thing:1');
    await leaveBehind('1', left);
    const next = draft('thing:1');
    await open().change({ _id: '1', version: 1 }, { version: 2 }, next, 2);
    const due = await createMongoEventStore({ database, outbox: open() }).due(NOW, 10);
    assert.deepEqual(
      (await recorded()).map(({ _id }) => _id),
      [left.id, next.id],
    );
    assert.deepEqual(
      due.map(({ id }) => id),
      [left.id],
    );
    assert.deepEqual(await carried('1'), []);
  });

  test('of many sweepers at once each event is brought home by one', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `t${index}`);
    for (const id of ids) await leaveBehind(id, draft(id), draft(id), draft(id));
    const counts = await Promise.all(Array.from({ length: 4 }, () => open().sweep()));
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      ids.length * 3,
    );
    assert.equal((await recorded()).length, ids.length * 3);
    assert.equal((await feed()).length, ids.length * 3);
  });

  test('changes while others sweep: every event once, in order, at a position of its own', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `t${index}`);
    for (const id of ids) await leaveBehind(id, draft(id));
    const changes = ids.map((id) => open().change({ _id: id, version: 1 }, { version: 2 }, draft(id), 2));
    await Promise.all([...changes, open().sweep(), open().sweep()]);

    const events = await recorded();
    for (const id of ids) {
      const seqs = events.filter(({ target }) => target === id).map(({ seq }) => seq);
      assert.deepEqual([seqs, await carried(id)], [[1, 2], []]);
    }
    const positions = (await feed()).map(({ position }) => position);
    assert.equal(new Set(positions).size, ids.length * 2);
    assert.ok(positions.every(Number.isSafeInteger));
    assert.equal(await open().sweep(), 0);
  });

  test('a drain that fails neither fails the change nor loses its event', async () => {
    const free = await occupy('thing:1', 1);
    const outbox = open();
    const first = draft('thing:1');
    const second = draft('thing:1');
    await outbox.insert({ _id: '1', name: 'a', version: 1 }, first, 1);
    assert.equal(await outbox.change({ _id: '1', version: 1 }, { version: 2 }, second, 2), true);
    assert.deepEqual(committed, [first.id, second.id]);
    assert.deepEqual(await recorded(), []);

    const other = draft('thing:2');
    await leaveBehind('2', other);
    await assert.rejects(outbox.sweep(), AggregateError);
    assert.deepEqual(
      (await recorded()).map(({ _id }) => _id),
      [other.id],
      'one bad document must not hold up the others',
    );

    await free();
    assert.equal(await outbox.sweep(), 2);
    assert.deepEqual(
      (await recorded()).map(({ _id }) => _id),
      [first.id, second.id, other.id],
    );
    assert.equal((await feed()).length, 3);
  });

  test('a document goes only when its events are home', async () => {
    const outbox = open();
    const event = draft('thing:1');
    await leaveBehind('1', event);
    const free = await occupy('thing:1', 1);
    await assert.rejects(outbox.remove('1'));
    assert.equal(await things().countDocuments(), 1);

    await free();
    await outbox.remove('1');
    await outbox.remove('1');
    assert.equal(await things().countDocuments(), 0);
    assert.deepEqual(
      (await recorded()).map(({ _id }) => _id),
      [event.id],
    );
  });

  test('what people write is never read as an operator or an expression', async () => {
    const outbox = open();
    const data = { $set: { version: 9 }, 'a.b': ['$$NOW', { $literal: 1 }], missing: undefined, at: NOW };
    const event = draft('$target', { data });
    await outbox.insert({ _id: '1', name: '$name', version: 1 }, event, 1);
    await outbox.change({ _id: '1', version: 1 }, { name: '$version', version: 2 }, draft('$target', { data }), 2);

    const stored = { $set: { version: 9 }, 'a.b': ['$$NOW', { $literal: 1 }], at: NOW.toISOString() };
    assert.deepEqual(
      (await recorded()).map((one) => one.data),
      [stored, stored],
      'and comes back as from SQL',
    );
    assert.deepEqual(
      (await feed()).map(({ target }) => target),
      ['$target', '$target'],
    );
    assert.deepEqual(await things().findOne({}, { projection: { outbox: 0 } }), {
      _id: '1',
      name: '$version',
      version: 2,
    });
  });
}

function draft(target: string, change: Partial<EventDraft> = {}): EventDraft {
  return {
    id: newId(NOW),
    type: 'thing.changed',
    version: 1,
    target,
    userId: null,
    actorId: null,
    at: NOW,
    ip: null,
    requestId: null,
    device: { browser: 'Firefox', os: 'Linux', kind: 'desktop' },
    data: {},
    pending: true,
    evicts: true,
    ...change,
  };
}
