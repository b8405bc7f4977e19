import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES, HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import { makeEvent, makeId, makeSuperadmins, makeUnwritableEvent } from '../../../test/fixtures.ts';
import {
  assertHistory,
  describeStore,
  itRaces,
  type Open,
  onFresh,
  race,
  theWinner,
} from '../../../test/store-contract.ts';
import type { EventDraft } from '../events/event-store.ts';

const TARGET = 'superadmins:all';

/** Every adapter of the superadmin store keeps this. */
export function superadminStoreContract(open: Open): void {
  describeStore('SuperadminStore', open, (opened) => {
    const superadmins = () => opened().storage.superadmins;
    /** The tests share one record and one history, in the order of this file. */
    const history: EventDraft[] = [];

    it('is nobody, at version 0, before the first write', async () => {
      assert.deepEqual(await superadmins().read(), { userIds: [], setup: null, version: 0 });
      await assertHistory(opened(), TARGET, []);
    });

    it('replaces the record as a whole, with its event', async () => {
      for (const next of [
        makeSuperadmins(),
        makeSuperadmins({ setup: null }),
        makeSuperadmins({ userIds: [], setup: null }),
        makeSuperadmins({ userIds: Array.from({ length: 200 }, () => makeId()) }),
      ]) {
        const event = makeEvent(TARGET);
        const { version } = await superadmins().read();
        assert.equal(await superadmins().replace(version, next, event), true);
        history.push(event);
        assert.deepEqual(await superadmins().read(), { ...next, version: version + 1 });
        await assertHistory(opened(), TARGET, history);
      }
    });

    it('loses on a version that has passed, or is still to come', async () => {
      const present = await superadmins().read();
      for (const from of [0, present.version - 1, present.version + 1]) {
        assert.equal(await superadmins().replace(from, makeSuperadmins(), makeEvent(TARGET)), false);
      }
      assert.deepEqual(await superadmins().read(), present);
      await assertHistory(opened(), TARGET, history);
    });

    it('does nothing when its event cannot be written', async () => {
      const present = await superadmins().read();
      const event = makeUnwritableEvent(TARGET);
      await assert.rejects(superadmins().replace(present.version, makeSuperadmins(), event));
      assert.deepEqual(await superadmins().read(), present);
      await assertHistory(opened(), TARGET, history);
    });

    it('writes no first record when its event cannot be written', () =>
      onFresh(open, async (fresh) => {
        const { superadmins: store } = fresh.storage;
        await assert.rejects(store.replace(0, makeSuperadmins(), makeUnwritableEvent(TARGET)));
        assert.deepEqual(await store.read(), { userIds: [], setup: null, version: 0 });
        const event = makeEvent(TARGET);
        assert.equal(await store.replace(0, makeSuperadmins(), event), true);
        await assertHistory(fresh, TARGET, [event]);
      }));

    it('keeps texts and times as they are', async () => {
      for (const [i, text] of HOSTILE_TEXTS.entries()) {
        const expiresAt = AWKWARD_TIMES[i % AWKWARD_TIMES.length] ?? assert.fail();
        const next = makeSuperadmins({ userIds: [text, text], setup: { id: makeId(), keyId: '0a1b2c3d', expiresAt } });
        const { version } = await superadmins().read();
        assert.equal(await superadmins().replace(version, next, makeEvent(TARGET)), true);
        assert.deepEqual(await superadmins().read(), { ...next, version: version + 1 });
      }
    });

    itRaces('replace: one of 50 on one version', async () => {
      const { version } = await superadmins().read();
      const enter = () => ({ next: makeSuperadmins(), event: makeEvent(TARGET) });
      const result = await race(enter, ({ next, event }) => superadmins().replace(version, next, event));
      const winner = theWinner(result, true, false);
      assert.deepEqual(await superadmins().read(), { ...winner.next, version: version + 1 });
      const events = await opened().storage.events.listForTarget(TARGET);
      assert.deepEqual([events.length, events.at(-1)?.id], [version + 1, winner.event.id]);
    });

    itRaces('replace: one of 50 is the first', () =>
      onFresh(open, async (fresh) => {
        const store = fresh.storage.superadmins;
        const enter = () => ({ next: makeSuperadmins(), event: makeEvent(TARGET) });
        const result = await race(enter, ({ next, event }) => store.replace(0, next, event));
        const winner = theWinner(result, true, false);
        assert.deepEqual(await store.read(), { ...winner.next, version: 1 });
        await assertHistory(fresh, TARGET, [winner.event]);
      }),
    );
  });
}
