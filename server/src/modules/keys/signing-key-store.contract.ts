import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES, HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import { makeEvent, makeId, makeSigningKey, makeUnwritableEvent } from '../../../test/fixtures.ts';
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
import type { SigningKeyRecord } from './signing-key-store.ts';

const target = (key: Pick<SigningKeyRecord, 'id'>) => `key:${key.id}`;

/** Every adapter of the signing key store keeps this. A database has one active key, so most tests need one of their own. */
export function signingKeyStoreContract(open: Open): void {
  describeStore('SigningKeyStore', open, (opened) => {
    it('has no keys at first, then one active key for each algorithm', () =>
      onFresh(open, async (fresh) => {
        const { signingKeys } = fresh.storage;
        assert.deepEqual(await signingKeys.list(), []);

        const first = makeSigningKey();
        const began = makeEvent(target(first));
        assert.equal(await signingKeys.insertActive(first, began), true);
        assert.deepEqual(await signingKeys.list(), [first]);
        await assertHistory(fresh, target(first), [began]);

        const second = makeSigningKey();
        assert.equal(await signingKeys.insertActive(second, makeEvent(target(second))), false);
        assert.deepEqual(await signingKeys.list(), [first]);
        await assertHistory(fresh, target(second), []);

        const publicJwk = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' };
        const other = makeSigningKey({ algorithm: 'ES256', publicJwk, activatedAt: null });
        const event = makeEvent(target(other), { pending: false, evicts: false });
        assert.equal(await signingKeys.insertActive(other, event), true);
        const byId = (a: SigningKeyRecord, b: SigningKeyRecord) => (a.id < b.id ? -1 : 1);
        assert.deepEqual((await signingKeys.list()).sort(byId), [first, other]);
        await assertHistory(fresh, target(other), [event]);
      }));

    it('inserts nothing when its event cannot be written', () =>
      onFresh(open, async (fresh) => {
        const key = makeSigningKey();
        await assert.rejects(fresh.storage.signingKeys.insertActive(key, makeUnwritableEvent(target(key))));
        assert.deepEqual(await fresh.storage.signingKeys.list(), []);
        await assertHistory(fresh, target(key), []);
        assert.equal(await fresh.storage.signingKeys.insertActive(key, makeEvent(target(key))), true);
      }));

    it('keeps a long key, an awkward time and a null as they are', () =>
      onFresh(open, async (fresh) => {
        const publicJwk = { kty: 'RSA', n: 'n'.repeat(700), e: 'AQAB', key_ops: ['verify'], ext: true };
        for (const [i, algorithm] of (['EdDSA', 'ES256'] as const).entries()) {
          const [createdAt, retiredAt] = AWKWARD_TIMES.slice(i * 2 + 3, i * 2 + 5);
          assert.ok(createdAt && retiredAt);
          const sealedPrivateKey = `0a1b2c3d.${'k'.repeat(3000)}`;
          const times = { createdAt, activatedAt: null, retiredAt };
          const key = makeSigningKey({ algorithm, publicJwk, sealedPrivateKey, ...times });
          assert.equal(await fresh.storage.signingKeys.insertActive(key, makeEvent(target(key))), true);
          const found = (await fresh.storage.signingKeys.list()).find(({ id }) => id === key.id);
          assert.deepEqual(found, key);
        }
      }));

    it('reseal: only while the old seal is there; no event, no version', async () => {
      const { signingKeys } = opened().storage;
      const key = makeSigningKey({ sealedPrivateKey: '0a1b2c3d.aBc' });
      const began = makeEvent(target(key));
      assert.equal(await signingKeys.insertActive(key, began), true);
      for (const text of [...HOSTILE_TEXTS, '0a1b2c3d.abc', '0a1b2c3d.aBc ']) {
        assert.equal(await signingKeys.reseal(key.id, text, 'stolen'), false);
        assert.equal(await signingKeys.reseal(text, key.sealedPrivateKey, 'stolen'), false);
      }
      assert.equal(await signingKeys.reseal(makeId(), key.sealedPrivateKey, 'stolen'), false);
      assert.deepEqual(await signingKeys.list(), [key]);

      const sealedPrivateKey = 'ffffffff.XyZ';
      assert.equal(await signingKeys.reseal(key.id, key.sealedPrivateKey, sealedPrivateKey), true);
      assert.equal(await signingKeys.reseal(key.id, key.sealedPrivateKey, 'again'), false);
      assert.deepEqual(await signingKeys.list(), [{ ...key, sealedPrivateKey }]);
      await assertHistory(opened(), target(key), [began]);
    });

    it('reseal: touches no key that differs only by id and algorithm', () =>
      onFresh(open, async ({ storage: { signingKeys } }) => {
        const key = makeSigningKey();
        const bystander: SigningKeyRecord = { ...key, id: makeId(), algorithm: 'ES256' };
        for (const each of [key, bystander]) {
          assert.equal(await signingKeys.insertActive(each, makeEvent(target(each))), true);
        }
        assert.equal(await signingKeys.reseal(key.id, key.sealedPrivateKey, 'ffffffff.XyZ'), true);
        const found = (await signingKeys.list()).find(({ id }) => id === bystander.id);
        assert.deepEqual(found, bystander);
      }));

    itRaces('insertActive: one of 50 for an algorithm', () =>
      onFresh(open, async (fresh) => {
        const { signingKeys } = fresh.storage;
        const committed: EventDraft[] = [];
        for (const algorithm of ['ES256', 'EdDSA'] as const) {
          const enter = () => {
            const key = makeSigningKey({ algorithm });
            return { key, event: makeEvent(target(key)) };
          };
          const result = await race(enter, ({ key, event }) => signingKeys.insertActive(key, event));
          const winner = theWinner(result, true, false);
          const keys = (await signingKeys.list()).filter((key) => key.algorithm === algorithm);
          assert.deepEqual(keys, [winner.key]);
          await assertHistory(fresh, target(winner.key), [winner.event]);
          committed.push(winner.event);
        }
        assert.deepEqual(fresh.committed, committed);
        assert.equal((await fresh.storage.events.evictionsAfter(0, 100)).length, committed.length);
      }),
    );

    itRaces('reseal: one of 50 from one seal', () =>
      onFresh(open, async ({ storage: { signingKeys } }) => {
        const key = makeSigningKey();
        assert.equal(await signingKeys.insertActive(key, makeEvent(target(key))), true);
        const result = await race(
          (caller) => `ffffffff.${caller}`,
          (sealed) => signingKeys.reseal(key.id, key.sealedPrivateKey, sealed),
        );
        const sealedPrivateKey = theWinner(result, true, false);
        assert.deepEqual(await signingKeys.list(), [{ ...key, sealedPrivateKey }]);
      }),
    );
  });
}
