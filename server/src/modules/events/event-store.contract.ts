import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES, HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import {
  LATER,
  makeBareEvent,
  makeChallenge,
  makeEvent,
  makeId,
  makeUser,
  NOW,
  recordOf,
} from '../../../test/fixtures.ts';
import {
  assertHistory,
  describeStore,
  evictionsOf,
  itRaces,
  type Open,
  type OpenStorage,
  onFresh,
  race,
  theWinner,
} from '../../../test/store-contract.ts';
import { after, MINUTE, SECOND } from '../../platform/clock.ts';
import type { EventDraft, PendingEvent } from './event-store.ts';

const EVERYTHING = 1_000_000;

/** Has a change written that carries an event with these fields, about a target of its own. */
async function happen({ storage }: OpenStorage, fields: Partial<EventDraft> = {}): Promise<EventDraft> {
  const challenge = makeChallenge();
  const event = makeEvent(`challenge:${challenge.id}`, fields);
  await storage.challenges.create(challenge, event);
  return event;
}

/** Changes of one target, one after another, each with an event with the fields that it is given. */
async function happenInTurn({ storage }: OpenStorage, all: Partial<EventDraft>[]): Promise<EventDraft[]> {
  const user = makeUser();
  const events = all.map((fields) => makeEvent(`user:${user.id}`, fields));
  for (const [version, event] of events.entries()) {
    const change = { sessionEpoch: version, keptSessionId: null };
    const outcome =
      version === 0
        ? await storage.users.insert(user, event)
        : await storage.users.endSessions({ id: user.id, version, now: NOW }, change, event);
    assert.equal(outcome, 'ok');
  }
  return events;
}

/** What may be claimed of one target; never more than one. */
async function dueOf({ storage }: OpenStorage, target: string, now: Date): Promise<PendingEvent | null> {
  const due = (await storage.events.due(now, EVERYTHING)).filter((event) => event.target === target);
  assert.ok(due.length <= 1, 'only the earliest of a target');
  return due[0] ?? null;
}

/** Every adapter of the event store keeps this. */
export function eventStoreContract(open: Open): void {
  describeStore('EventStore', open, (opened) => {
    const events = () => opened().storage.events;

    it('onCommit is told after the commit and before the verb returns', async () => {
      const shared = opened();
      const seen: Promise<unknown[]>[] = [];
      shared.watcher = (event) => seen.push(events().listForTarget(event.target));
      const event = await happen(shared).finally(() => {
        shared.watcher = null;
      });
      assert.equal(seen.length, 1);
      assert.deepEqual(await seen[0], [recordOf(event, 1)]);
    });

    it('keeps every text in every field as it is', async () => {
      for (const text of HOSTILE_TEXTS) {
        const event = await happen(opened(), {
          requestId: text.slice(0, 32),
          device: { browser: text, os: text, kind: 'other' },
          data: { text, list: [text, [text]], nested: { text } },
        });
        await assertHistory(opened(), event.target, [event]);
      }
    });

    it('keeps every kind of datum as it is', async () => {
      const numbers = [0, -1, 1.5, 1e21, 2 ** 31, -(2 ** 53) + 1, 2 ** 53 - 1];
      const event = await happen(opened(), {
        data: { numbers, yes: true, no: false, nothing: null, list: [], object: {}, deep: [[[{ a: [null] }]]] },
      });
      await assertHistory(opened(), event.target, [event]);
    });

    it('keeps every name of a datum as it is', async () => {
      const names = ['$where', '$set', '$', 'a.b', '.a', 'a.', 'with space', '😀', 'constructor', '_id'];
      const data = Object.fromEntries(names.map((name) => [name, { [name]: 1 }]));
      const event = await happen(opened(), { data });
      await assertHistory(opened(), event.target, [event]);
    });

    it('leaves out what is undefined', async () => {
      const event = await happen(opened(), { data: { here: 1, absent: undefined, nested: { absent: undefined } } });
      const [record] = await events().listForTarget(event.target);
      assert.deepEqual(record?.data, { here: 1, nested: {} });
    });

    it('keeps times to the millisecond in every time zone', async () => {
      for (const at of AWKWARD_TIMES) {
        const event = await happen(opened(), { at });
        await assertHistory(opened(), event.target, [event]);
        const due = await dueOf(opened(), event.target, at);
        assert.deepEqual([due?.at, due?.dueAt], [at, at]);
      }
    });

    it('takes hostile ids for what they are', async () => {
      const event = await happen(opened());
      for (const text of HOSTILE_TEXTS) {
        assert.equal(await events().claim(text, event.at, LATER), false);
        assert.equal(await events().settle(text, event.at), false);
        const next = { dueAt: LATER, attempts: 1, handled: [text] };
        assert.equal(await events().postpone(text, event.at, next), false);
        assert.deepEqual(await events().listForTarget(text), []);
        assert.deepEqual(await events().listForUser(text, { before: null, limit: 10 }), []);
        assert.deepEqual(await events().listForUser(makeId(), { before: text, limit: 10 }), []);
      }
      assert.deepEqual((await dueOf(opened(), event.target, LATER))?.handled, []);
    });

    it('due: a pending event with nothing done, from its own time on', async () => {
      const event = await happen(opened(), { at: LATER });
      assert.equal(await dueOf(opened(), event.target, after(LATER, -1)), null);
      const expected = { ...recordOf(event, 1), dueAt: LATER, attempts: 0, handled: [] };
      assert.deepEqual(await dueOf(opened(), event.target, LATER), expected);
    });

    it('due: empty fields stay empty', async () => {
      const { storage } = opened();
      const challenge = makeChallenge();
      const event = makeBareEvent(`challenge:${challenge.id}`);
      await storage.challenges.create(challenge, event);
      const expected = { ...recordOf(event, 1), dueAt: NOW, attempts: 0, handled: [] };
      assert.deepEqual(await dueOf(opened(), event.target, NOW), expected);
    });

    it('due: nothing that nobody handles', async () => {
      const event = await happen(opened(), { pending: false });
      assert.equal(await dueOf(opened(), event.target, after(NOW, MINUTE)), null);
      assert.equal(await events().claim(event.id, event.at, LATER), false);
    });

    it('due: only the earliest of a target; the next once it is settled', async () => {
      const made = await happenInTurn(opened(), [{}, { pending: false }, {}, { at: after(NOW, -MINUTE) }]);
      const [first] = made;
      assert.ok(first);
      const until = after(NOW, 15 * SECOND);
      for (const [i, event] of made.entries()) {
        if (!event.pending) continue;
        assert.equal((await dueOf(opened(), first.target, until))?.id, event.id, `event ${i}`);
        assert.equal(await events().claim(event.id, event.at, until), true);
        // Claimed is not delivered: what follows must wait, also when it is due itself.
        assert.equal(await dueOf(opened(), first.target, after(until, -1)), null);
        assert.equal(await events().settle(event.id, until), true);
      }
      assert.equal(await dueOf(opened(), first.target, until), null);
      assert.equal((await events().listForTarget(first.target)).length, made.length);
    });

    it('due: a postponed event holds up its own target, and no other', async () => {
      const [head] = await happenInTurn(opened(), [{}, {}]);
      const other = await happen(opened());
      assert.ok(head);
      const until = after(NOW, 15 * SECOND);
      const dueAt = after(NOW, MINUTE);
      assert.equal(await events().claim(head.id, head.at, until), true);
      assert.equal(await events().postpone(head.id, until, { dueAt, attempts: 1, handled: [] }), true);
      assert.equal(await dueOf(opened(), head.target, after(dueAt, -1)), null);
      assert.equal((await dueOf(opened(), other.target, after(dueAt, -1)))?.id, other.id);
      assert.equal((await dueOf(opened(), head.target, dueAt))?.id, head.id);
    });

    it('due: no more than asked for, what has waited longest first', () =>
      onFresh(open, async (fresh) => {
        const made: EventDraft[] = [];
        for (const minutes of [4, 2, 9, 0, 7]) made.push(await happen(fresh, { at: after(NOW, minutes * MINUTE) }));
        const inOrder = made.sort((a, b) => a.at.getTime() - b.at.getTime()).map(({ id }) => id);
        const idsAt = async (minutes: number, limit: number) =>
          (await fresh.storage.events.due(after(NOW, minutes * MINUTE), limit)).map(({ id }) => id);
        assert.deepEqual(await idsAt(60, 10), inOrder);
        assert.deepEqual(await idsAt(60, 2), inOrder.slice(0, 2));
        assert.deepEqual(await idsAt(3, 10), inOrder.slice(0, 2));
        // Targets that must wait take no places away from those that need not.
        for (const [i, id] of inOrder.slice(0, 2).entries()) {
          const seen = made[i]?.at ?? assert.fail();
          assert.equal(await fresh.storage.events.claim(id, seen, after(NOW, 1000 * MINUTE)), true);
        }
        assert.deepEqual(await idsAt(60, 2), inOrder.slice(2, 4));
      }));

    it('due: a long queue of one target takes no places away from others', () =>
      onFresh(open, async (fresh) => {
        const [head] = await happenInTurn(
          fresh,
          Array.from({ length: 40 }, () => ({})),
        );
        const other = await happen(fresh, { at: LATER });
        const due = await fresh.storage.events.due(LATER, 2);
        assert.deepEqual(
          due.map(({ id }) => id),
          [head?.id, other.id],
        );
      }));

    it('claim: only from the time that was seen, and again when it has run out', async () => {
      const event = await happen(opened());
      const [first, second] = [after(NOW, 15 * SECOND), after(NOW, 45 * SECOND)];
      assert.equal(await events().claim(event.id, after(event.at, 1), first), false);
      assert.equal(await events().claim(event.id, after(event.at, -1), first), false);
      assert.equal(await events().claim(makeId(), event.at, first), false);
      assert.equal(await events().claim(event.id, event.at, first), true);
      assert.equal(await events().claim(event.id, event.at, second), false);

      const abandoned = await dueOf(opened(), event.target, first);
      assert.deepEqual(abandoned, { ...recordOf(event, 1), dueAt: first, attempts: 0, handled: [] });
      assert.equal(await events().claim(event.id, first, second), true);
      assert.equal(await dueOf(opened(), event.target, after(second, -1)), null);
    });

    it('settle: only by whoever holds the claim, and once', async () => {
      const event = await happen(opened());
      const [stale, until] = [after(NOW, 15 * SECOND), after(NOW, 30 * SECOND)];
      assert.equal(await events().claim(event.id, event.at, stale), true);
      assert.equal(await events().claim(event.id, stale, until), true);
      assert.equal(await events().settle(event.id, stale), false);
      assert.equal((await dueOf(opened(), event.target, until))?.id, event.id);
      assert.equal(await events().settle(event.id, until), true);
      assert.equal(await events().settle(event.id, until), false);
      assert.equal(await events().claim(event.id, until, after(until, 1)), false);
      assert.equal(await events().postpone(event.id, until, { dueAt: NOW, attempts: 1, handled: [] }), false);
      assert.equal(await dueOf(opened(), event.target, after(until, MINUTE)), null);
      assert.deepEqual(await events().listForTarget(event.target), [recordOf(event, 1)]);
    });

    it('postpone: only by whoever holds the claim; keeps what was done', async () => {
      const event = await happen(opened());
      const [stale, until, dueAt] = [after(NOW, 15 * SECOND), after(NOW, 30 * SECOND), after(NOW, MINUTE)];
      const next = { dueAt, attempts: 3, handled: ['mail', 'counters "quoted", \\ $x'] };
      assert.equal(await events().claim(event.id, event.at, stale), true);
      assert.equal(await events().claim(event.id, stale, until), true);
      assert.equal(await events().postpone(event.id, stale, { ...next, dueAt: NOW }), false);
      assert.equal(await events().postpone(event.id, until, next), true);
      assert.equal(await events().postpone(event.id, until, next), false);
      assert.equal(await events().settle(event.id, until), false);
      assert.equal(await dueOf(opened(), event.target, after(dueAt, -1)), null);
      assert.deepEqual(await dueOf(opened(), event.target, dueAt), { ...recordOf(event, 1), ...next });
      assert.equal(await events().claim(event.id, dueAt, after(dueAt, 1)), true);
      assert.equal(await events().settle(event.id, after(dueAt, 1)), true);
    });

    itRaces('claim: one of 50 relays', async () => {
      const event = await happen(opened());
      const result = await race(
        (caller) => after(NOW, 15 * SECOND + caller),
        (until) => events().claim(event.id, event.at, until),
      );
      const until = theWinner(result, true, false);
      assert.deepEqual((await dueOf(opened(), event.target, after(NOW, MINUTE)))?.dueAt, until);
      assert.equal(await events().settle(event.id, until), true);
    });

    itRaces('claim: one of 50 takes over what a relay left behind', async () => {
      const event = await happen(opened());
      const left = after(NOW, 15 * SECOND);
      assert.equal(await events().claim(event.id, event.at, left), true);
      const result = await race(
        (caller) => after(left, 1 + caller),
        (until) => events().claim(event.id, left, until),
      );
      assert.equal(await events().settle(event.id, theWinner(result, true, false)), true);
    });

    itRaces('settle and postpone: one of 50 who hold one claim', async () => {
      const event = await happen(opened());
      const until = after(NOW, 15 * SECOND);
      assert.equal(await events().claim(event.id, event.at, until), true);
      const next = { dueAt: LATER, attempts: 1, handled: [] };
      const result = await race(
        (caller) => caller % 2 === 0,
        (done) => (done ? events().settle(event.id, until) : events().postpone(event.id, until, next)),
      );
      const settled = theWinner(result, true, false);
      assert.equal((await dueOf(opened(), event.target, LATER))?.id, settled ? undefined : event.id);
    });

    it('listForUser: a page at a time, the newest first, nobody else’s', async () => {
      const userId = makeId();
      const made: EventDraft[] = [];
      // Some share their millisecond, so that the time alone cannot tell where a page ends.
      for (const minutes of [0, 1, 1, 1, 2, 2, 3]) {
        const at = after(NOW, minutes * MINUTE);
        made.push(await happen(opened(), { id: makeId(at), at, userId }));
        await happen(opened(), { id: makeId(at), at, userId: minutes % 2 ? null : makeId(), actorId: userId });
      }
      const expected = made.map((event) => recordOf(event, 1)).reverse();
      for (const limit of [1, 2, 3, 7, 100]) {
        const pages: string[] = [];
        let before: string | null = null;
        for (;;) {
          const page = await events().listForUser(userId, { before, limit });
          assert.deepEqual(page, expected.slice(pages.length, pages.length + limit));
          if (page.length === 0) break;
          pages.push(...page.map(({ id }) => id));
          before = pages.at(-1) ?? null;
        }
        assert.equal(pages.length, made.length);
      }
    });

    it('listForTarget: all events in order, whatever their times say', async () => {
      const made = await happenInTurn(opened(), [{ at: LATER }, { at: NOW }, { at: after(NOW, -1) }, { at: LATER }]);
      const expected = made.map((event, i) => recordOf(event, i + 1));
      assert.deepEqual(await events().listForTarget(made[0]?.target ?? ''), expected);
    });

    it('orders more than nine events of a target by number, not by text', async () => {
      const made = await happenInTurn(
        opened(),
        Array.from({ length: 12 }, () => ({ pending: false, evicts: false })),
      );
      await assertHistory(opened(), made[0]?.target ?? '', made);
    });

    it('the feed: what evicts and nothing else, in order, a part at a time', () =>
      onFresh(open, async (fresh) => {
        const store = fresh.storage.events;
        assert.equal(await store.latestEviction(), 0);
        assert.deepEqual(await store.evictionsAfter(0, 10), []);
        const targets: string[] = [];
        for (const evicts of [true, false, true, true, false, true]) {
          const { target } = await happen(fresh, { evicts, pending: false });
          if (evicts) targets.push(target);
        }
        const feed = await store.evictionsAfter(0, 10);
        assert.deepEqual(
          feed.map(({ target }) => target),
          targets,
        );
        const positions = feed.map(({ position }) => position);
        for (const [i, position] of positions.entries()) {
          assert.ok(Number.isSafeInteger(position) && position > (positions[i - 1] ?? 0), `${positions}`);
          assert.deepEqual(await store.evictionsAfter(position, 10), feed.slice(i + 1));
          assert.deepEqual(await store.evictionsAfter(position, 1), feed.slice(i + 1, i + 2));
        }
        assert.equal(await store.latestEviction(), positions.at(-1));
      }));

    it('the feed: a target appears for each change', async () => {
      const made = await happenInTurn(opened(), [{}, { evicts: false }, {}, {}]);
      assert.equal((await evictionsOf(opened(), made[0]?.target ?? '')).length, 3);
    });

    it('the feed: forgets up to a position, and never hands one out again', () =>
      onFresh(open, async (fresh) => {
        const store = fresh.storage.events;
        for (let i = 0; i < 4; i++) await happen(fresh);
        const feed = await store.evictionsAfter(0, 10);
        const [second, last] = [feed[1]?.position ?? 0, feed[3]?.position ?? 0];
        await store.forgetEvictions(second);
        assert.deepEqual(await store.evictionsAfter(0, 10), feed.slice(2));
        assert.equal(await store.latestEviction(), last);
        await store.forgetEvictions(last);
        assert.deepEqual(await store.evictionsAfter(0, 10), []);
        await happen(fresh);
        // Whoever has read as far as `last` would miss a position that came again.
        assert.equal((await store.evictionsAfter(last, 10)).length, 1);
      }));

    itRaces('the feed: 50 changes at once, each with a position of its own', () =>
      onFresh(open, async (fresh) => {
        const result = await race(
          () => null,
          () => happen(fresh),
        );
        const feed = await fresh.storage.events.evictionsAfter(0, 100);
        assert.equal(new Set(feed.map(({ position }) => position)).size, 50);
        assert.deepEqual(
          feed.map(({ target }) => target).sort(),
          result.all.map(({ outcome }) => outcome.target).sort(),
        );
        assert.equal(fresh.committed.length, 50);
      }),
    );

    it('sweep: finds nothing to bring home where nobody was killed', async () => {
      const event = await happen(opened());
      assert.equal(await events().sweep(), 0);
      await assertHistory(opened(), event.target, [event]);
    });

    itRaces('sweep: 50 at once, while changes are made, double and lose nothing', async () => {
      const shared = opened();
      const changes = Array.from({ length: 10 }, () => happen(shared));
      await race(
        () => null,
        () => events().sweep(),
      );
      for (const event of await Promise.all(changes)) await assertHistory(shared, event.target, [event]);
    });
  });
}
