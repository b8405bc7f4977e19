import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES, HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import { LATER, makeId, NOW, nextNumber, recordOf } from '../../../test/fixtures.ts';
import { happen } from '../../../test/happenings.ts';
import { describeStore, type Open, type OpenStorage, onFresh } from '../../../test/store-contract.ts';
import { after, MINUTE } from '../../platform/clock.ts';
import type { EventDraft, EventFilter } from './event-store.ts';

const ALL = { before: null, limit: 10_000 };
const newestFirst = (drafts: readonly EventDraft[]) =>
  drafts
    .map(({ id }) => id)
    .sort()
    .reverse();
/** As events are made: the id from the time. */
const at = (time: Date) => ({ id: makeId(time), at: time });

/** Every adapter of the event store keeps this: the history as a list that can be narrowed. */
export function eventListContract(open: Open): void {
  describeStore('EventStore: list', open, (opened) => {
    const events = () => opened().storage.events;
    const idsOf = async (filter: EventFilter, page: Parameters<OpenStorage['storage']['events']['list']>[1] = ALL) =>
      (await events().list(filter, page)).map(({ id }) => id);

    it('a page at a time, the newest first, each event once', async () => {
      const userId = makeId();
      const made: EventDraft[] = [];
      // Some share their millisecond, so that the time alone cannot tell where a page ends; and none comes in its order.
      for (const minutes of [2, 1, 3, 1, 0, 2, 1]) {
        const when = after(NOW, minutes * MINUTE);
        made.push(await happen(opened(), { ...at(when), userId }));
        await happen(opened(), { ...at(when), userId: minutes % 2 ? null : makeId(), actorId: userId });
      }
      const expected = made.map((event) => recordOf(event, 1)).sort((a, b) => (a.id < b.id ? 1 : -1));
      for (const limit of [1, 2, 3, 7, 100]) {
        const seen: string[] = [];
        for (;;) {
          const page = await events().list({ userId }, { before: seen.at(-1) ?? null, limit });
          assert.deepEqual(page, expected.slice(seen.length, seen.length + limit));
          if (page.length === 0) break;
          seen.push(...page.map(({ id }) => id));
        }
        assert.equal(seen.length, made.length);
      }
    });

    it('skips, also within what is older than an event', async () => {
      const userId = makeId();
      const made: EventDraft[] = [];
      for (let i = 0; i < 6; i++) made.push(await happen(opened(), { userId }));
      const ids = newestFirst(made);
      const before = ids[1] ?? null;
      assert.deepEqual(await idsOf({ userId }, { before: null, limit: 2 }), ids.slice(0, 2));
      assert.deepEqual(await idsOf({ userId }, { before: null, skip: 0, limit: 2 }), ids.slice(0, 2));
      assert.deepEqual(await idsOf({ userId }, { before: null, skip: 3, limit: 2 }), ids.slice(3, 5));
      assert.deepEqual(await idsOf({ userId }, { before: null, skip: 5, limit: 2 }), ids.slice(5));
      assert.deepEqual(await idsOf({ userId }, { before: null, skip: 6, limit: 2 }), []);
      assert.deepEqual(await idsOf({ userId }, { before, skip: 1, limit: 2 }), ids.slice(3, 5));
    });

    it('counts no further than asked for, nobody else’s', async () => {
      const userId = makeId();
      assert.equal(await events().count({ userId }, 10), 0);
      for (let i = 0; i < 4; i++) await happen(opened(), { userId });
      await happen(opened(), { userId: null, actorId: userId });
      for (const [limit, count] of [
        [1, 1],
        [3, 3],
        [4, 4],
        [5, 4],
        [1000, 4],
      ] as const) {
        assert.equal(await events().count({ userId }, limit), count);
      }
      for (const text of HOSTILE_TEXTS) assert.equal(await events().count({ userId: text }, 10), 0);
    });

    it('without a filter: everything, each once', () =>
      onFresh(open, async (fresh) => {
        const made: EventDraft[] = [];
        for (let i = 0; i < 5; i++)
          made.push(await happen(fresh, i % 2 ? { userId: null, actorId: null, ip: null } : {}));
        const { events: all } = fresh.storage;
        const seen: string[] = [];
        for (;;) {
          const page = await all.list({}, { before: seen.at(-1) ?? null, limit: 2 });
          if (page.length === 0) break;
          seen.push(...page.map(({ id }) => id));
        }
        assert.deepEqual(seen, newestFirst(made));
        assert.deepEqual([await all.count({}, 4), await all.count({}, 100)], [4, 5]);
      }));

    it('filters: each alone and all together', async () => {
      const [one, two] = [nextNumber(), nextNumber()];
      const choices = {
        type: [`kind${one}.a`, `kind${two}.a`],
        actorId: [makeId(), makeId()],
        userId: [makeId(), makeId()],
        requestId: [`request ${one}`, `request ${two}`],
        ip: [`192.0.2.${one}`, `2001:db8::${two}`],
      };
      const fields = Object.keys(choices) as (keyof typeof choices)[];
      const times = [NOW, LATER];
      const made: EventDraft[] = [];
      for (let bits = 0; bits < 2 ** (fields.length + 1); bits++) {
        const chosen = Object.fromEntries(fields.map((field, i) => [field, choices[field][(bits >> i) & 1]]));
        made.push(await happen(opened(), { ...chosen, ...at(times[bits >> fields.length] ?? NOW) }));
      }
      for (let bits = 0; bits < 2 ** fields.length; bits++) {
        const named = fields.filter((_, i) => (bits >> i) & 1);
        if (named.length === 0) continue;
        const filter: EventFilter = Object.fromEntries(named.map((field) => [field, choices[field][0]]));
        const found = made.filter((event) => named.every((field) => event[field] === filter[field]));
        const what = JSON.stringify(named);
        assert.deepEqual(await idsOf(filter), newestFirst(found), what);
        assert.equal(await events().count(filter, 1000), found.length, what);
        const late = found.filter((event) => event.at >= LATER);
        assert.deepEqual(await idsOf({ ...filter, from: LATER }), newestFirst(late), what);
        assert.equal(await events().count({ ...filter, to: LATER }, 1000), found.length - late.length, what);
        const rest = newestFirst(found).slice(2);
        assert.deepEqual(await idsOf(filter, { before: newestFirst(found)[1] ?? null, limit: 1000 }), rest, what);
      }
      const [first] = made;
      assert.ok(first);
      assert.deepEqual(await idsOf({ target: first.target }), [first.id]);
      const { type, actorId, userId, target, requestId, ip } = { ...first, ...choices };
      const exact = { type: type[0], actorId: actorId[0], userId: userId[0], requestId: requestId[0], ip: ip[0] };
      assert.deepEqual(await idsOf({ ...exact, target, from: NOW, to: LATER }), [first.id]);
      assert.deepEqual(await idsOf({ ...exact, target, userId: userId[1] }), []);
    });

    it('type: whole, or everything that begins with the text before the asterisk, byte by byte', async () => {
      const userId = makeId();
      const stem = `kind${nextNumber()}`;
      const tails = [
        '',
        '.',
        '.a',
        '.a.b',
        '.A',
        '. ',
        '.é',
        '.\u{10ffff}',
        '.\u0001',
        '.*',
        '/',
        '/a',
        '-a',
        '-',
        '%.a',
        '_.a',
        'x.a',
      ];
      const types = tails.flatMap((tail) => [`${stem}${tail}`, `${stem.toUpperCase()}${tail}`]);
      const made: EventDraft[] = [];
      for (const type of types) made.push(await happen(opened(), { type, userId }));
      for (const type of types.filter((text) => !text.endsWith('.*'))) {
        const found = made.filter((event) => event.type === type);
        assert.deepEqual(await idsOf({ type, userId }), newestFirst(found), type);
      }
      for (const start of [
        stem,
        `${stem}.a`,
        `${stem}%`,
        `${stem}_`,
        `${stem}x`,
        stem.toUpperCase(),
        `${stem}.`,
        'kin',
      ]) {
        const found = made.filter((event) => event.type.startsWith(`${start}.`));
        assert.deepEqual(await idsOf({ type: `${start}.*`, userId }), newestFirst(found), start);
        assert.equal(await events().count({ type: `${start}.*`, userId }, 100), found.length);
      }
    });

    it('takes every text for what it is', async () => {
      const userId = makeId();
      const made: EventDraft[] = [];
      for (const text of HOSTILE_TEXTS) {
        made.push(
          await happen(opened(), { userId, type: text, requestId: text, ip: text, target: `${userId}${text}` }),
        );
      }
      for (const event of made) {
        const { type, requestId, ip, target } = event;
        for (const filter of [{ type }, { requestId: requestId ?? '' }, { ip: ip ?? '' }, { target }]) {
          assert.deepEqual(await idsOf({ userId, ...filter }), [event.id], JSON.stringify(filter));
        }
        assert.deepEqual(await idsOf({ actorId: type }), []);
      }
    });

    it('from and to: exact to the millisecond, at any time', async () => {
      const userId = makeId();
      const made: EventDraft[] = [];
      for (const time of AWKWARD_TIMES) {
        for (const near of [-1, 0, 0, 1]) made.push(await happen(opened(), { ...at(after(time, near)), userId }));
      }
      for (const time of AWKWARD_TIMES) {
        for (const [from, to] of [
          [time, after(time, 1)],
          [after(time, -1), time],
          [after(time, 1), after(time, 2)],
          [time, time],
          [after(time, 1), time],
        ] as const) {
          const found = made.filter((event) => event.at >= from && event.at < to);
          assert.deepEqual(await idsOf({ userId, from, to }), newestFirst(found));
        }
        const since = made.filter((event) => event.at >= time);
        assert.equal(await events().count({ userId, from: time }, 1000), since.length);
        assert.equal(await events().count({ userId, to: time }, 1000), made.length - since.length);
      }
      const [beginning, end] = [new Date(-8.64e15), new Date(8.64e15)];
      assert.equal(await events().count({ userId, from: beginning, to: end }, 1000), made.length);
      assert.equal(await events().count({ userId, from: end }, 1000), 0);
      assert.equal(await events().count({ userId, to: beginning }, 1000), 0);
      await assert.rejects(async () => events().list({ userId, from: new Date(Number.NaN) }, ALL), TypeError);
    });
  });
}
