import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES } from '../../../test/awkward-values.ts';
import { makeNonce, NOW } from '../../../test/fixtures.ts';
import { describeStore, itRaces, type Open, onFresh, race, theWinner } from '../../../test/store-contract.ts';
import { after, MINUTE } from '../../platform/clock.ts';

/** Every adapter of the nonce store keeps this. */
export function nonceStoreContract(open: Open): void {
  describeStore('NonceStore', open, (opened) => {
    const nonces = () => opened().storage.nonces;

    it('each is used once, whatever the second caller says of its expiry', async () => {
      const nonce = makeNonce();
      const other = makeNonce();
      assert.equal(await nonces().use(nonce), true);
      assert.equal(await nonces().use(nonce), false);
      assert.equal(await nonces().use({ ...nonce, expiresAt: after(nonce.expiresAt, 1) }), false);
      assert.equal(await nonces().use(other), true);
      assert.equal(await nonces().use(other), false);
    });

    it('ids that differ in one digit are two', async () => {
      const { id } = makeNonce();
      for (const digit of '0123456789abcdef') {
        assert.equal(await nonces().use(makeNonce({ id: `${digit}${id.slice(1)}` })), true);
      }
    });

    it('purge: forgets what expired before then, to the millisecond, in every time zone', () =>
      onFresh(open, async ({ storage }) => {
        for (const time of AWKWARD_TIMES) {
          const [early, just] = [makeNonce({ expiresAt: after(time, -1) }), makeNonce({ expiresAt: time })];
          for (const nonce of [early, just]) assert.equal(await storage.nonces.use(nonce), true);
          assert.equal(await storage.nonces.purge(time, 10), 1);
          assert.equal(await storage.nonces.purge(time, 10), 0);
          assert.equal(await storage.nonces.use(just), false, 'it is still there');
          assert.equal(await storage.nonces.use(early), true, 'it is gone');
          assert.equal(await storage.nonces.purge(after(time, 1), 10), 2);
        }
      }));

    it('purge: no more than asked for, the earliest first', () =>
      onFresh(open, async ({ storage }) => {
        const made = [3, 0, 2, 1].map((minutes) => makeNonce({ expiresAt: after(NOW, minutes * MINUTE) }));
        for (const nonce of made) await storage.nonces.use(nonce);
        assert.equal(await storage.nonces.purge(after(NOW, MINUTE * 9), 3), 3);
        const isLeft = await Promise.all(made.map(async (nonce) => !(await storage.nonces.use(nonce))));
        assert.deepEqual(isLeft, [true, false, false, false]);
      }));

    itRaces('use: one of 50', async () => {
      const { id } = makeNonce();
      const result = await race(
        () => makeNonce({ id }),
        (nonce) => nonces().use(nonce),
      );
      theWinner(result, true, false);
    });

    itRaces('use and purge: what has not expired is used once', async () => {
      const { id } = makeNonce();
      const result = await race(
        () => makeNonce({ id }),
        async (nonce) => {
          const [used] = await Promise.all([nonces().use(nonce), nonces().purge(NOW, 100)]);
          return used;
        },
      );
      theWinner(result, true, false);
    });
  });
}
