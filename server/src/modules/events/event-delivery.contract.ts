import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LATER, makeBareEvent, makeChallenge, makeId, NOW, recordOf } from '../../../test/fixtures.ts';
import { dueOf, happen, happenInTurn } from '../../../test/happenings.ts';
import { describeStore, itRaces, type Open, onFresh, race, theWinner } from '../../../test/store-contract.ts';
import { after, MINUTE, SECOND } from '../../platform/clock.ts';
import type { EventDraft } from './event-store.ts';

/** Every adapter of the event store keeps this: the list that the relay works from. */
export function eventDeliveryContract(open: Open): void {
  describeStore('EventStore: delivery', open, (opened) => {
    const events = () => opened().storage.events;

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

    it('nothing that a relay does touches an event that differs only by id and target', async () => {
      const [event, bystander] = [await happen(opened()), await happen(opened())];
      const before = await dueOf(opened(), bystander.target, NOW);
      const until = after(NOW, 15 * SECOND);
      for (const seen of [event, bystander]) assert.equal(await events().claim(seen.id, seen.at, until), true);
      const dueAt = after(NOW, MINUTE);
      assert.equal(await events().postpone(event.id, until, { dueAt, attempts: 1, handled: ['mail'] }), true);
      assert.deepEqual(await dueOf(opened(), bystander.target, until), { ...before, dueAt: until });
      assert.equal(await events().claim(event.id, dueAt, until), true);
      assert.equal(await events().settle(event.id, until), true);
      assert.deepEqual(await dueOf(opened(), bystander.target, until), { ...before, dueAt: until });
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
  });
}
