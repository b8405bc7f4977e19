import assert from 'node:assert/strict';
import { it } from 'node:test';
import { HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import { LATER, makeEvent, makeId, makeRegistration, NOW, recordOf } from '../../../test/fixtures.ts';
import { dueOf, happen } from '../../../test/happenings.ts';
import { describeStore, type Open } from '../../../test/store-contract.ts';
import { after, MINUTE } from '../../platform/clock.ts';
import { NOWHERE } from './anonymised.ts';
import type { EventDraft } from './event-store.ts';

/** More than one statement takes. */
const LONG = 450;
const AT_ONCE = 10;

/** Every adapter of the event store keeps this: what an erasure leaves of somebody's history. */
export function eventAnonymiseContract(open: Open): void {
  describeStore('EventStore: anonymise', open, (opened) => {
    const events = () => opened().storage.events;
    const stored = async ({ target }: EventDraft) => (await events().listForTarget(target))[0];

    it('where from, and what: gone; that, when, to what, by whom and why: kept', async () => {
      const userId = makeId();
      const theirs = await happen(opened(), { userId, actorId: userId });
      const byAnother = await happen(opened(), { userId });
      const bySystem = await happen(opened(), { userId, actorId: null, ip: null, device: null, data: {} });
      const withoutReason = await happen(opened(), {
        userId,
        actorId: null,
        data: { before: { email: 'a@b.example' }, country: 'CH' },
      });
      const toAnother = await happen(opened(), { actorId: userId });
      const fromAbroad = await happen(opened(), { actorId: userId, data: { country: 'CH', count: 1 } });
      const toNobody = await happen(opened(), { userId: null, actorId: userId });
      const bystander = await happen(opened(), { data: { about: userId } });
      // A second time, it finds what it left.
      for (let times = 0; times < 2; times++) {
        await events().anonymise(userId);
        for (const [event, left] of [
          [theirs, { ...NOWHERE, data: { reason: 'a test' } }],
          [byAnother, { data: { reason: 'a test' } }],
          [bySystem, {}],
          [withoutReason, { ...NOWHERE, data: {} }],
          [toAnother, NOWHERE],
          [fromAbroad, { ...NOWHERE, data: { count: 1 } }],
          [toNobody, NOWHERE],
          [bystander, {}],
        ] as const) {
          assert.deepEqual(await stored(event), { ...recordOf(event, 1), ...left });
        }
      }
    });

    it('the registration that they come from goes with them', async () => {
      const userId = makeId();
      const target = `registration:${userId}`;
      const event = makeEvent(target, { userId: null, actorId: null });
      const registration = makeRegistration({ id: userId });
      await opened().storage.registrations.create(registration, event);
      await events().anonymise(userId);
      const left = { ...NOWHERE, data: { reason: 'a test' } };
      assert.deepEqual(await events().listForTarget(target), [{ ...recordOf(event, 1), ...left }]);
    });

    it('keeps a reason as it is, whatever it is', async () => {
      const userId = makeId();
      const reasons = [
        ...HOSTILE_TEXTS,
        null,
        0,
        false,
        [],
        {},
        ['a', { $set: 1 }],
        { reason: '$data.reason', 'a.b': 1 },
      ];
      const made: EventDraft[] = [];
      for (const reason of reasons) {
        made.push(await happen(opened(), { userId, data: { reason, $where: 1, 'a.b': reason, nested: { reason } } }));
      }
      await events().anonymise(userId);
      for (const event of made) assert.deepEqual((await stored(event))?.data, { reason: event.data.reason });

      const nested = await happen(opened(), { userId, data: { 'reason.why': 1, Reason: 1, nested: { reason: 1 } } });
      await events().anonymise(userId);
      assert.deepEqual((await stored(nested))?.data, {});
    });

    it('leaves to the relay what is its own', async () => {
      const userId = makeId();
      const [waiting, claimed, postponed, settled] = [
        await happen(opened(), { userId, actorId: userId }),
        await happen(opened(), { userId, actorId: userId }),
        await happen(opened(), { actorId: userId }),
        await happen(opened(), { userId, actorId: userId }),
      ];
      for (const event of [claimed, postponed, settled]) assert.ok(await events().claim(event.id, event.at, LATER));
      const next = { dueAt: after(LATER, MINUTE), attempts: 2, handled: ['mail'] };
      assert.ok(await events().postpone(postponed.id, LATER, next));
      assert.ok(await events().settle(settled.id, LATER));

      await events().anonymise(userId);
      const stateOf = async (event: EventDraft) => {
        const due = await dueOf(opened(), event.target, after(LATER, MINUTE));
        return due && { dueAt: due.dueAt, attempts: due.attempts, handled: due.handled, ip: due.ip };
      };
      const fresh = { attempts: 0, handled: [], ip: null };
      assert.deepEqual(await stateOf(waiting), { ...fresh, dueAt: NOW });
      assert.deepEqual(await stateOf(claimed), { ...fresh, dueAt: LATER });
      assert.deepEqual(await stateOf(postponed), { ...next, ip: null });
      assert.equal(await stateOf(settled), null);
      assert.ok(await events().settle(claimed.id, LATER));
    });

    it('takes a history of any length', async () => {
      const userId = makeId();
      const fields = { userId, actorId: userId, pending: false, evicts: false };
      for (let made = 0; made < LONG; made += AT_ONCE) {
        await Promise.all(
          Array.from({ length: AT_ONCE }, (_, i) =>
            happen(opened(), { ...fields, data: i % 3 ? { reason: i, i } : { i } }),
          ),
        );
      }
      await events().anonymise(userId);
      const left = await events().list({ userId }, { before: null, limit: LONG + 1 });
      assert.equal(left.length, LONG);
      for (const { ip, device, data } of left) {
        assert.deepEqual([ip, device], [null, null]);
        assert.deepEqual(Object.keys(data), 'reason' in data ? ['reason'] : []);
      }
      assert.equal(left.filter(({ data }) => 'reason' in data).length, (LONG / AT_ONCE) * 6);
    });
  });
}
