import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES } from '../../../test/awkward-values.ts';
import { LATER, makeId, NOW } from '../../../test/fixtures.ts';
import { describeStore, itRaces, type Open, onFresh, race } from '../../../test/store-contract.ts';
import { after } from '../../platform/clock.ts';

const END = new Date('2200-01-01T00:00:00.000Z');

/** Every adapter of the heartbeat store keeps this. */
export function heartbeatStoreContract(open: Open): void {
  describeStore('HeartbeatStore', open, (opened) => {
    const heartbeats = () => opened().storage.heartbeats;

    it('knows nothing of who never gave a heartbeat', async () => {
      await heartbeats().heartbeat(makeId(), NOW);
      assert.equal(await heartbeats().find(makeId()), null);
    });

    it('the last heartbeat counts, also an earlier one, and is that process’ alone', async () => {
      const [id, other] = [makeId(), makeId()];
      await heartbeats().heartbeat(other, NOW);
      for (const at of [NOW, NOW, LATER, after(NOW, -1)]) {
        await heartbeats().heartbeat(id, at);
        assert.deepEqual(await heartbeats().find(id), at);
      }
      assert.deepEqual(await heartbeats().find(other), NOW);
    });

    it('keeps times to the millisecond in every time zone', async () => {
      const id = makeId();
      for (const time of AWKWARD_TIMES) {
        await heartbeats().heartbeat(id, time);
        assert.deepEqual(await heartbeats().find(id), time);
      }
    });

    it('removes one; again does no harm', async () => {
      const [id, other] = [makeId(), makeId()];
      await heartbeats().heartbeat(id, NOW);
      await heartbeats().heartbeat(other, NOW);
      await heartbeats().remove(id);
      await heartbeats().remove(id);
      assert.equal(await heartbeats().find(id), null);
      assert.deepEqual(await heartbeats().find(other), NOW);
    });

    it('purge: forgets whose last heartbeat was before then, and says how many', () =>
      onFresh(open, async ({ storage }) => {
        const ids = [-2, -1, 0].map((milliseconds) => ({ id: makeId(), at: after(NOW, milliseconds) }));
        for (const { id, at } of ids) await storage.heartbeats.heartbeat(id, at);
        assert.equal(await storage.heartbeats.purge(after(NOW, -2)), 0);
        assert.equal(await storage.heartbeats.purge(NOW), 2);
        assert.deepEqual(await Promise.all(ids.map(({ id }) => storage.heartbeats.find(id))), [null, null, NOW]);
        assert.equal(await storage.heartbeats.purge(END), 1);
      }));

    itRaces('heartbeat: 50 first ones of a process leave one of them', async () => {
      const id = makeId();
      const { all } = await race(
        (caller) => after(NOW, caller),
        (at) => heartbeats().heartbeat(id, at),
      );
      const left = (await heartbeats().find(id))?.getTime();
      assert.ok(all.some(({ entry }) => entry.getTime() === left));
    });
  });
}
