import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LATER, makeBareEvent, makeEvent, makeId, NOW, recordOf } from '../../../test/fixtures.ts';
import { dueOf, happen } from '../../../test/happenings.ts';
import {
  assertHistory,
  describeStore,
  itRaces,
  type Open,
  onFresh,
  race,
  theWinner,
} from '../../../test/store-contract.ts';
import { after, HOUR, SECOND } from '../../platform/clock.ts';
import type { EventDraft } from './event-store.ts';

const BEFORE = after(NOW, HOUR);
/** An event that nobody waits for. */
const DONE: Partial<EventDraft> = { pending: false, evicts: false };
/** Ids begin with their time. */
const past = (fields: Partial<EventDraft> = {}, at = NOW): Partial<EventDraft> => ({ ...fields, at, id: makeId(at) });

/** Every adapter of the event store keeps this: events that no record changed with, and their end. */
export function eventPurgeContract(open: Open): void {
  describeStore('EventStore: single events and their end', open, (opened) => {
    const events = () => opened().storage.events;

    it('find: an event by its id, whatever carried it', async () => {
      const carried = await happen(opened());
      assert.deepEqual(await events().find(carried.id), recordOf(carried, 1));
      const alone = makeBareEvent(`queue:${makeId()}`);
      assert.equal(await events().record(alone, 5), true);
      assert.deepEqual(await events().find(alone.id), recordOf(alone, 5));
      assert.equal(await events().find(makeId()), null);
    });

    it('record: tells of it, and gives it to the relay like any other', async () => {
      const event = makeEvent(`queue:${makeId()}`, { evicts: true });
      assert.equal(await events().record(event, 1), true);
      await assertHistory(opened(), event.target, [event]);
      assert.equal((await dueOf(opened(), event.target, LATER))?.id, event.id);
    });

    it('record: one of a target and number; the next number is free', async () => {
      const target = `queue:${makeId()}`;
      const [first, second] = [makeEvent(target, DONE), makeEvent(target, DONE)];
      const seq = NOW.getTime();
      assert.equal(await events().record(first, seq), true);
      assert.equal(await events().record(second, seq), false);
      assert.equal(await events().find(second.id), null);
      assert.equal(await events().record(second, seq + 1), true);
      assert.deepEqual(await events().listForTarget(target), [recordOf(first, seq), recordOf(second, seq + 1)]);
      assert.equal(await events().record(makeEvent(`queue:${makeId()}`, DONE), seq), true);
    });

    it('purge: what is older, by its time to the millisecond, and nothing else', () =>
      onFresh(open, async (fresh) => {
        const old = await happen(fresh, past(DONE, after(BEFORE, -1)));
        const exact = await happen(fresh, past(DONE, BEFORE));
        assert.equal(await fresh.storage.events.purge({ before: BEFORE }, 100), 1);
        assert.equal(await fresh.storage.events.find(old.id), null);
        assert.deepEqual(await fresh.storage.events.find(exact.id), recordOf(exact, 1));
        assert.equal(await fresh.storage.events.purge({ before: BEFORE }, 100), 0);
      }));

    it('purge: never what was not delivered yet', () =>
      onFresh(open, async (fresh) => {
        const waiting = await happen(fresh, past());
        const claimed = await happen(fresh, past());
        const until = after(NOW, 15 * SECOND);
        assert.equal(await fresh.storage.events.claim(claimed.id, claimed.at, until), true);
        assert.equal(await fresh.storage.events.purge({ before: BEFORE }, 100), 0);
        for (const { id } of [waiting, claimed]) assert.ok(await fresh.storage.events.find(id));
        assert.equal(await fresh.storage.events.settle(claimed.id, until), true);
        assert.equal(await fresh.storage.events.purge({ before: BEFORE }, 100), 1);
        assert.deepEqual(await fresh.storage.events.find(waiting.id), recordOf(waiting, 1));
      }));

    it('purge: by type, or by the stem of it', () =>
      onFresh(open, async (fresh) => {
        const types = ['schedule_run.due', 'schedule_run.missed', 'schedule.changed', 'schedule_runx.due', 'user.due'];
        const made: EventDraft[] = [];
        for (const type of types) made.push(await happen(fresh, past({ ...DONE, type })));
        const left = async () => {
          const found = await Promise.all(made.map(({ id }) => fresh.storage.events.find(id)));
          return found.flatMap((event) => (event === null ? [] : [event.type]));
        };
        assert.equal(await fresh.storage.events.purge({ before: BEFORE, type: 'schedule_run.*' }, 100), 2);
        assert.deepEqual(await left(), types.slice(2));
        assert.equal(await fresh.storage.events.purge({ before: BEFORE, type: 'user.due' }, 100), 1);
        assert.deepEqual(await left(), types.slice(2, 4));
      }));

    it('purge: no more than asked for, the oldest first, until nothing is left', () =>
      onFresh(open, async (fresh) => {
        const ids: string[] = [];
        for (const seconds of [3, 1, 4, 0, 2]) {
          const event = await happen(fresh, past(DONE, after(NOW, seconds * SECOND)));
          ids[seconds] = event.id;
        }
        const present = async () => {
          const found = await Promise.all(ids.map((id) => fresh.storage.events.find(id)));
          return found.flatMap((event) => (event === null ? [] : [ids.indexOf(event.id)]));
        };
        assert.equal(await fresh.storage.events.purge({ before: BEFORE }, 2), 2);
        assert.deepEqual(await present(), [2, 3, 4]);
        assert.equal(await fresh.storage.events.purge({ before: BEFORE }, 2), 2);
        assert.deepEqual(await present(), [4]);
        assert.equal(await fresh.storage.events.purge({ before: BEFORE }, 2), 1);
        assert.equal(await fresh.storage.events.purge({ before: BEFORE }, 2), 0);
      }));

    itRaces('record: one of 50 for one number', async () => {
      const target = `queue:${makeId()}`;
      const result = await race(
        () => makeEvent(target, { evicts: false }),
        (event) => events().record(event, 1),
      );
      await assertHistory(opened(), target, [theWinner(result, true, false)]);
    });
  });
}
