import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES } from '../../../test/awkward-values.ts';
import { LATER, makeId, makeThrottle, NOW } from '../../../test/fixtures.ts';
import { describeStore, itRaces, type Open, onFresh, race, theWinner } from '../../../test/store-contract.ts';
import { after } from '../../platform/clock.ts';

const END = new Date('2200-01-01T00:00:00.000Z');

/** Every adapter of the throttle store keeps this. */
export function throttleStoreContract(open: Open): void {
  describeStore('ThrottleStore', open, (opened) => {
    const throttles = () => opened().storage.throttles;

    it('gives back what was put, and null for what was not', async () => {
      const throttle = makeThrottle();
      assert.equal(await throttles().find(throttle.key), null);
      assert.equal(await throttles().put(throttle), true);
      assert.deepEqual(await throttles().find(throttle.key), throttle);
      assert.equal(await throttles().find(throttle.key.toUpperCase()), null);
      assert.equal(await throttles().find(`${throttle.key} `), null);
    });

    it('puts onto the version that was read, and onto no other', async () => {
      const throttle = makeThrottle();
      assert.equal(await throttles().put({ ...throttle, version: 2 }), false, 'there is none yet');
      assert.equal(await throttles().find(throttle.key), null);
      assert.equal(await throttles().put(throttle), true);
      const next = { ...throttle, tries: 5, nextAt: LATER, expiresAt: after(LATER, 1), version: 2 };
      assert.equal(await throttles().put({ ...next, version: 1 }), false, 'there is one');
      assert.equal(await throttles().put({ ...next, version: 3 }), false);
      assert.deepEqual(await throttles().find(throttle.key), throttle);
      assert.equal(await throttles().put(next), true);
      assert.equal(await throttles().put({ ...next, tries: 9 }), false, 'again');
      assert.deepEqual(await throttles().find(throttle.key), next);
    });

    it('a put that changes nothing but the version wins, too', async () => {
      const throttle = makeThrottle();
      await throttles().put(throttle);
      assert.equal(await throttles().put({ ...throttle, version: 2 }), true);
    });

    it('keeps times to the millisecond in every time zone', async () => {
      for (const time of AWKWARD_TIMES) {
        const throttle = makeThrottle({ nextAt: time, expiresAt: after(time, 1) });
        await throttles().put(throttle);
        assert.deepEqual(await throttles().find(throttle.key), throttle);
      }
    });

    it('removes one, whatever its version; it may begin again', async () => {
      const [throttle, other] = [makeThrottle(), makeThrottle()];
      for (const entry of [throttle, { ...throttle, version: 2 }, other]) await throttles().put(entry);
      await throttles().remove(throttle.key);
      await throttles().remove(throttle.key);
      await throttles().remove(makeId());
      assert.equal(await throttles().find(throttle.key), null);
      assert.deepEqual(await throttles().find(other.key), other);
      assert.equal(await throttles().put(throttle), true);
    });

    it('purge: removes what expired before then, at most as many as asked for', () =>
      onFresh(open, async ({ storage }) => {
        const all = [-3, -2, -1, 0, 1].map((milliseconds) => makeThrottle({ expiresAt: after(NOW, milliseconds) }));
        assert.equal(await storage.throttles.purge(END, 10), 0);
        for (const throttle of all) await storage.throttles.put(throttle);
        assert.equal(await storage.throttles.purge(after(NOW, -3), 10), 0);
        assert.equal(await storage.throttles.purge(NOW, 2), 2);
        assert.equal(await storage.throttles.purge(NOW, 2), 1);
        assert.equal(await storage.throttles.purge(NOW, 2), 0);
        const left = await Promise.all(all.map(({ key }) => storage.throttles.find(key)));
        assert.deepEqual(left, [null, null, null, ...all.slice(3)]);
      }));

    itRaces('put the first: one of 50', async () => {
      const { key } = makeThrottle();
      const result = await race(
        (caller) => makeThrottle({ key, tries: caller }),
        (throttle) => throttles().put(throttle),
      );
      assert.deepEqual(await throttles().find(key), theWinner(result, true, false));
    });

    itRaces('put the next: one of 50', async () => {
      const throttle = makeThrottle();
      await throttles().put(throttle);
      const result = await race(
        (caller) => ({ ...throttle, tries: caller, version: 2 }),
        (next) => throttles().put(next),
      );
      assert.deepEqual(await throttles().find(throttle.key), theWinner(result, true, false));
    });
  });
}
