import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { until } from '../../../test/until.ts';
import type { EventStore, Eviction } from './event-store.ts';
import { BLIND_AFTER, createEvictionFeed, joinFeeds } from './eviction-feed.ts';

const log = pino({ level: 'silent' });

/** The part of the store that the feed reads, with what is in it put there by hand; the contracts test the real ones. */
function setUp(options: { forgetsWhileBlind?: boolean; blindAfter?: number } = {}) {
  const rows: Eviction[] = [];
  const state = { away: false, busy: false };
  const store = {
    async evictionsAfter(position: number, limit: number) {
      if (state.away) throw new Error('away');
      const later = rows.filter((row) => row.position > position).sort((a, b) => a.position - b.position);
      return later.slice(0, limit);
    },
    async forgetEvictions() {},
  } as Partial<EventStore> as EventStore;
  const evicted: string[] = [];
  const feed = createEvictionFeed({
    store,
    evict: (target) => void evicted.push(target),
    async evictAll() {
      if (state.busy) throw new Error('busy');
      evicted.push('everything');
    },
    ...options,
    log,
  });
  return { rows, state, evicted, feed };
}

test('every target is evicted once, in order', async () => {
  const { rows, evicted, feed } = setUp();
  rows.push({ position: 1, target: 'user:a' }, { position: 2, target: 'user:b' });
  await feed.poll();
  rows.push({ position: 3, target: 'user:a' });
  await feed.poll();
  await feed.poll();
  assert.deepEqual(evicted, ['user:a', 'user:b', 'everything', 'user:a']);
});

test('a position that was handed out early and committed late is not missed', async () => {
  const { rows, evicted, feed } = setUp();
  rows.push({ position: 2, target: 'user:b' });
  await feed.poll();
  rows.push({ position: 1, target: 'user:a' });
  await feed.poll();
  assert.deepEqual(evicted, ['user:b', 'everything', 'user:a']);
});

test('a poll sees what was there before it, also while an earlier one is under way', async () => {
  const { rows, evicted, feed } = setUp();
  const early = feed.poll();
  rows.push({ position: 1, target: 'user:a' });
  const late = [feed.poll(), feed.poll()];
  await early;
  assert.deepEqual(evicted, ['everything']);
  await Promise.all(late);
  assert.deepEqual(evicted, ['everything', 'user:a']);
});

test('more than one batch is read to its end', async () => {
  const { rows, evicted, feed } = setUp();
  for (let position = 1; position <= 2500; position++) rows.push({ position, target: `user:${position}` });
  await feed.poll();
  assert.equal(evicted.filter((target) => target !== 'everything').length, 2500);
});

test('a feed is blind until everything that it remembered was read anew', async () => {
  const { state, feed } = setUp();
  state.busy = true;
  await assert.rejects(feed.poll(), /busy/);
  assert.equal(feed.isBlind(), true);
  state.busy = false;
  await feed.poll();
  assert.equal(feed.isBlind(), false);
});

test('a feed that has never been read is blind, and one that cannot be read says so', async () => {
  const { state, feed } = setUp();
  assert.equal(feed.isBlind(), true);
  await feed.poll();
  assert.equal(feed.isBlind(), false);
  state.away = true;
  await assert.rejects(feed.poll(), /away/);
});

test('an instance that was away longer than the feed is kept trusts nothing that it remembered', async (t) => {
  const { rows, state, evicted, feed } = setUp();
  let now = performance.now();
  t.mock.method(performance, 'now', () => now);
  await feed.poll();
  evicted.length = 0;
  state.away = true;
  now += BLIND_AFTER + 1;
  await assert.rejects(feed.poll(), /away/);
  assert.deepEqual(evicted, []);
  // What was written meanwhile has been forgotten again by the others: nothing in the feed tells of it.
  assert.deepEqual(rows, []);
  state.away = false;
  await feed.poll();
  assert.deepEqual(evicted, ['everything']);
  await feed.poll();
  assert.deepEqual(evicted, ['everything']);
});

test('an instance that stood still together with its monotonic clock is blind until it has read again', async (t) => {
  const { evicted, feed } = setUp();
  const asleep = { for: 0 };
  const wall = Date.now;
  t.mock.method(Date, 'now', () => wall() + asleep.for);
  await feed.poll();
  evicted.length = 0;
  asleep.for = BLIND_AFTER + 1;
  assert.equal(feed.isBlind(), true);
  await feed.poll();
  assert.equal(feed.isBlind(), false);
  assert.deepEqual(evicted, ['everything']);
});

test('where nobody asks whether it is blind, all is forgotten again and again while it is', async () => {
  const { state, evicted, feed } = setUp({ forgetsWhileBlind: true, blindAfter: 1 });
  await feed.start();
  try {
    evicted.length = 0;
    state.away = true;
    await until('two failed reads', () => (evicted.length >= 2 ? true : null));
    assert.deepEqual([...new Set(evicted)], ['everything']);
  } finally {
    await feed.stop();
  }
});

test('several feeds are one, which is blind where the first is', async () => {
  const [main, other] = [setUp(), setUp()];
  const joined = joinFeeds(main.feed, [other.feed]);
  await joined.start();
  try {
    main.rows.push({ position: 1, target: 'user:a' });
    other.rows.push({ position: 1, target: 'site:a' });
    await joined.poll();
    assert.deepEqual(
      [main.evicted, other.evicted],
      [
        ['everything', 'user:a'],
        ['everything', 'site:a'],
      ],
    );
    other.state.away = true;
    await assert.rejects(joined.poll(), /away/);
    assert.equal(joined.isBlind(), false);
  } finally {
    await joined.stop();
  }
});
