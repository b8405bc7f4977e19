import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeEvent } from '../../../test/fixtures.ts';
import { freshSqlite } from '../../../test/scenario.ts';
import { openStorage } from '../../open-storage.ts';
import { connectDatabase } from '../../platform/database/database.ts';
import { newId } from '../../platform/ids.ts';
import type { EventStore } from './event-store.ts';
import { joinHistories } from './join-histories.ts';

const BEGIN = Date.parse('2026-11-20T12:00:00Z');
const log = { warn() {} };

/** Three histories with events of growing times, spread over them unevenly; the ids of all, the latest first. */
async function withHistories(run: (joined: EventStore, all: EventStore[], ids: string[]) => Promise<void>) {
  const fresh = await Promise.all([1, 2, 3].map(freshSqlite));
  const databases = await Promise.all(
    fresh.map(({ url }) => connectDatabase({ url, poolSize: 1, slowQuery: 60_000, log })),
  );
  const all = databases.map((database) => openStorage(database, { onCommit() {} }).events);
  const [main, ...others] = all as [EventStore, ...EventStore[]];
  try {
    const ids: string[] = [];
    for (let i = 0; i < 40; i++) {
      const at = new Date(BEGIN + i);
      const event = { ...makeEvent(`thing:${i % 7}`), id: newId(at), at, type: i % 2 ? 'thing.odd' : 'thing.even' };
      await all[i % 7 < 4 ? 0 : (i % 2) + 1]?.record({ ...event, pending: false, userId: null, actorId: null }, i + 1);
      ids.unshift(event.id);
    }
    await run(joinHistories(main, others), all, ids);
  } finally {
    for (const database of databases) await database.close();
    for (const { drop } of fresh) await drop();
  }
}

const idsOf = (events: { id: string }[]) => events.map(({ id }) => id);

describe('the histories of several databases', () => {
  test('are one, page by page, by rows and by ids', () =>
    withHistories(async (joined, _all, ids) => {
      for (const limit of [1, 3, 40, 99]) {
        assert.deepEqual(idsOf(await joined.list({}, { before: null, limit })), ids.slice(0, limit));
        for (let skip = 0; skip < 41; skip += 7) {
          const page = await joined.list({}, { before: null, skip, limit });
          assert.deepEqual(idsOf(page), ids.slice(skip, skip + limit), `${skip} ${limit}`);
        }
      }
      const read: string[] = [];
      for (let before: string | null = null; ; before = read.at(-1) ?? null) {
        const page: { id: string }[] = await joined.list({ type: 'thing.odd' }, { before, limit: 3 });
        if (page.length === 0) break;
        read.push(...idsOf(page));
      }
      assert.deepEqual(
        read,
        ids.filter((_, index) => index % 2 === 0),
      );
      assert.deepEqual([await joined.count({}, 99), await joined.count({}, 25)], [40, 25]);
      const [first = '', last = ''] = [ids.at(-1), ids[0]];
      assert.deepEqual(idsOf(await joined.listAfter(first, 99)), ids.slice(0, -1).reverse());
      assert.equal((await joined.find(last))?.id, last);
      assert.equal(await joined.find(newId(new Date())), null);
      const seqs = (await joined.listForTarget('thing:5')).map(({ seq }) => seq);
      assert.deepEqual(seqs, [6, 13, 20, 27, 34]);
    }));

  test('are purged together, some at a time', () =>
    withHistories(async (joined) => {
      const before = new Date(BEGIN + 20);
      const removed: number[] = [];
      for (let some = 1; some > 0; removed.push(some)) some = await joined.purge({ before }, 8);
      assert.ok(removed.every((some) => some <= 8));
      assert.equal(
        removed.reduce((sum, some) => sum + some, 0),
        20,
      );
      assert.equal(await joined.count({}, 99), 20);
    }));

  test('that is one is itself', () =>
    withHistories(async (_joined, [main = assert.fail()]) => {
      assert.equal(joinHistories(main, []), main);
    }));

  test('is not shown without a part of it', () =>
    withHistories(async (_joined, [main = assert.fail()]) => {
      const away = {
        ...main,
        list: () => Promise.reject(new Error('away')),
        count: () => Promise.reject(new Error('away')),
      };
      const joined = joinHistories(main, [away]);
      await assert.rejects(joined.list({}, { before: null, limit: 9 }), /away/);
      await assert.rejects(joined.count({}, 9), /away/);
    }));
});
