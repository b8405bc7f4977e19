import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES } from '../../../test/awkward-values.ts';
import { LATER, makeId, NOW } from '../../../test/fixtures.ts';
import { describeStore, itRaces, type Open, onFresh, race } from '../../../test/store-contract.ts';
import { after } from '../../platform/clock.ts';

const END = new Date('2200-01-01T00:00:00.000Z');

/** Every adapter of the beat store keeps this. */
export function beatStoreContract(open: Open): void {
  describeStore('BeatStore', open, (opened) => {
    const beats = () => opened().storage.beats;

    it('knows nothing of who never gave a beat', async () => {
      await beats().beat(makeId(), NOW);
      assert.equal(await beats().find(makeId()), null);
    });

    it('the last beat counts, also an earlier one, and is that process’ alone', async () => {
      const [id, other] = [makeId(), makeId()];
      await beats().beat(other, NOW);
      for (const at of [NOW, NOW, LATER, after(NOW, -1)]) {
        await beats().beat(id, at);
        assert.deepEqual(await beats().find(id), at);
      }
      assert.deepEqual(await beats().find(other), NOW);
    });

    it('keeps times to the millisecond in every time zone', async () => {
      const id = makeId();
      for (const time of AWKWARD_TIMES) {
        await beats().beat(id, time);
        assert.deepEqual(await beats().find(id), time);
      }
    });

    it('removes one; again does no harm', async () => {
      const [id, other] = [makeId(), makeId()];
      await beats().beat(id, NOW);
      await beats().beat(other, NOW);
      await beats().remove(id);
      await beats().remove(id);
      assert.equal(await beats().find(id), null);
      assert.deepEqual(await beats().find(other), NOW);
    });

    it('purge: forgets whose last beat was before then, and says how many', () =>
      onFresh(open, async ({ storage }) => {
        const ids = [-2, -1, 0].map((milliseconds) => ({ id: makeId(), at: after(NOW, milliseconds) }));
        for (const { id, at } of ids) await storage.beats.beat(id, at);
        assert.equal(await storage.beats.purge(after(NOW, -2)), 0);
        assert.equal(await storage.beats.purge(NOW), 2);
        assert.deepEqual(await Promise.all(ids.map(({ id }) => storage.beats.find(id))), [null, null, NOW]);
        assert.equal(await storage.beats.purge(END), 1);
      }));

    itRaces('beat: 50 first ones of a process leave one of them', async () => {
      const id = makeId();
      const { all } = await race(
        (caller) => after(NOW, caller),
        (at) => beats().beat(id, at),
      );
      const left = (await beats().find(id))?.getTime();
      assert.ok(all.some(({ entry }) => entry.getTime() === left));
    });
  });
}
