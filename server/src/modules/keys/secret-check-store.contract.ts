import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES } from '../../../test/awkward-values.ts';
import { makeSecretCheck } from '../../../test/fixtures.ts';
import { describeStore, itRaces, type Open, onFresh, race, theWinner } from '../../../test/store-contract.ts';
import type { SecretCheck } from './secret-check-store.ts';

const sorted = (checks: SecretCheck[]) => [...checks].sort((a, b) => (a.keyId < b.keyId ? -1 : 1));

/** Every adapter of the secret check store keeps this. */
export function secretCheckStoreContract(open: Open): void {
  describeStore('SecretCheckStore', open, () => {
    it('takes a first only into an empty store, and gives it back as it was', () =>
      onFresh(open, async ({ storage: { secretChecks } }) => {
        assert.deepEqual(await secretChecks.list(), []);
        const first = makeSecretCheck();
        assert.equal(await secretChecks.add(first, 'first'), true);
        assert.equal(await secretChecks.add(makeSecretCheck(), 'first'), false);
        assert.equal(await secretChecks.add(first, 'first'), false);
        assert.deepEqual(await secretChecks.list(), [first]);
      }));

    it('takes further ones, each key once', () =>
      onFresh(open, async ({ storage: { secretChecks } }) => {
        const [first, ...others] = [makeSecretCheck(), makeSecretCheck(), makeSecretCheck()] as const;
        assert.equal(await secretChecks.add(first, 'first'), true);
        for (const check of others) assert.equal(await secretChecks.add(check, 'next'), true);
        for (const { keyId } of [first, ...others]) {
          assert.equal(await secretChecks.add(makeSecretCheck({ keyId }), 'next'), false);
          assert.equal(await secretChecks.add(makeSecretCheck({ keyId }), 'first'), false);
        }
        assert.deepEqual(sorted(await secretChecks.list()), sorted([first, ...others]));
      }));

    it('a next may also be the first, and then no first follows', () =>
      onFresh(open, async ({ storage: { secretChecks } }) => {
        const check = makeSecretCheck();
        assert.equal(await secretChecks.add(check, 'next'), true);
        assert.equal(await secretChecks.add(makeSecretCheck(), 'first'), false);
        assert.deepEqual(await secretChecks.list(), [check]);
      }));

    it('the first has no sealed key for masks', () =>
      onFresh(open, async ({ storage: { secretChecks } }) => {
        const check = makeSecretCheck({ sealedMaskKey: null });
        await secretChecks.add(check, 'first');
        assert.deepEqual(await secretChecks.list(), [check]);
      }));

    it('keeps times to the millisecond in every time zone', () =>
      onFresh(open, async ({ storage: { secretChecks } }) => {
        const checks = AWKWARD_TIMES.map((createdAt) => makeSecretCheck({ createdAt }));
        for (const check of checks) assert.equal(await secretChecks.add(check, 'next'), true);
        assert.deepEqual(sorted(await secretChecks.list()), sorted(checks));
      }));

    itRaces('add first: one of 50 keys', () =>
      onFresh(open, async ({ storage: { secretChecks } }) => {
        const result = await race(
          () => makeSecretCheck(),
          (check) => secretChecks.add(check, 'first'),
        );
        assert.deepEqual(await secretChecks.list(), [theWinner(result, true, false)]);
      }),
    );

    itRaces('add next: one of 50 with one key', () =>
      onFresh(open, async ({ storage: { secretChecks } }) => {
        const first = makeSecretCheck();
        assert.equal(await secretChecks.add(first, 'first'), true);
        const { keyId } = makeSecretCheck();
        const result = await race(
          () => makeSecretCheck({ keyId }),
          (check) => secretChecks.add(check, 'next'),
        );
        const expected = [first, theWinner(result, true, false)];
        assert.deepEqual(sorted(await secretChecks.list()), sorted(expected));
      }),
    );
  });
}
