import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOW } from '../../../test/fixtures.ts';
import { createKeyring } from '../../platform/crypto/keyring.ts';
import { checkSecretKey, WrongSecretKey } from './secret-check.ts';
import type { SecretCheck, SecretCheckStore } from './secret-check-store.ts';

const A = 'the first secret of thirty-two bytes!';
const B = 'the other secret of thirty-two bytes!';

/** Checks one secret after the other against one database, as starts one after the other do. */
function oneDatabase() {
  const checks: SecretCheck[] = [];
  const store: SecretCheckStore = {
    list: async () => [...checks],
    async add(check, mode) {
      if (mode === 'first' && checks.length > 0) return false;
      checks.push(check);
      return true;
    },
  };
  return (current: string, previous: string | null = null) =>
    checkSecretKey({ store, keyring: createKeyring({ current, previous }), clock: () => NOW });
}

test('the first secret is taken, and the same one goes on', async () => {
  const start = oneDatabase();
  await start(A);
  await start(A);
});

test('another secret is refused, until it comes with the known one as the previous', async () => {
  const start = oneDatabase();
  await start(A);
  await assert.rejects(start(B), WrongSecretKey);
  await assert.rejects(start(B, 'a third secret of thirty-two bytes!!'), WrongSecretKey);
  await start(B, A);
  await start(B);
  await start(A, B);
});

test("the key for masks is handed on through every change of the secret, and is no other database's", async () => {
  const start = oneDatabase();
  const C = 'a third secret of thirty-two bytes!!!';
  const first = await start(A);
  assert.equal(first.length, 32);
  for (const secrets of [[A], [A, B], [B, A], [A, B], [B], [C, B], [B, C], [C]]) {
    const [current = assert.fail(), previous] = secrets;
    assert.deepEqual(await start(current, previous), first, secrets.join(' and '));
  }
  const elsewhere = oneDatabase();
  assert.notDeepEqual(await elsewhere(B), first);
  assert.deepEqual(await elsewhere(A, B), await elsewhere(B), 'the one that was first there');
});

test('a check that somebody changed refuses every secret, rather than hang the start', async () => {
  const { keyring, store } = { keyring: createKeyring({ current: A, previous: null }), store: tampered(A) };
  await assert.rejects(checkSecretKey({ store, keyring, clock: () => NOW }), WrongSecretKey);
});

function tampered(secret: string): SecretCheckStore {
  const { currentKeyId: keyId } = createKeyring({ current: secret, previous: null });
  return {
    list: async () => [{ keyId, value: 'something else', sealedMaskKey: null, createdAt: NOW }],
    add: async () => false,
  };
}
