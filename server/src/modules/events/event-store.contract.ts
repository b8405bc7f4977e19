import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES, HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import { LATER, makeId, NOW, recordOf } from '../../../test/fixtures.ts';
import { dueOf, happen, happenInTurn } from '../../../test/happenings.ts';
import { assertHistory, describeStore, itRaces, type Open, race } from '../../../test/store-contract.ts';
import { after } from '../../platform/clock.ts';

/** Every adapter of the event store keeps this: the record of what happened. */
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
        assert.deepEqual(await events().list({ userId: text }, { before: null, limit: 10 }), []);
        assert.deepEqual(await events().list({ userId: makeId() }, { before: text, limit: 10 }), []);
        await events().anonymise(text);
      }
      assert.deepEqual((await dueOf(opened(), event.target, LATER))?.handled, []);
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
