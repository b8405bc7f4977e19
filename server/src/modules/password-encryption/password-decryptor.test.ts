import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { CompactEncrypt } from 'jose';
import { NOW } from '../../../test/fixtures.ts';
import { createKeyring } from '../../platform/crypto/keyring.ts';
import { AppError } from '../../platform/errors.ts';
import { createNonces } from './nonces.ts';
import { createPasswordDecryptor } from './password-decryptor.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const keyring = createKeyring({ current: 'a secret of the tests, 32 bytes long', previous: null });
const nonces = createNonces({ keyring, clock: () => NOW });

async function encrypted(password: string): Promise<{ encryptedPassword: string }> {
  const header = { alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: 'a', nonce: nonces.issue().nonce };
  const plain = new TextEncoder().encode(password);
  return { encryptedPassword: await new CompactEncrypt(plain).setProtectedHeader(header).encrypt(publicKey) };
}

/** A database that answers when it is told to. */
function slowStore() {
  const used = new Set<string>();
  let answer = () => {};
  const ready = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const store = {
    async use({ id }: { id: string }) {
      await ready;
      if (used.has(id)) return false;
      used.add(id);
      return true;
    },
    purge: async () => 0,
  };
  return { store, used, answer };
}

const codeOf = (error: unknown) => (error instanceof AppError ? error.code : String(error));

test('a flood waits in a bounded queue; who finds it full is told so, and keeps the nonce', async () => {
  const { store, used, answer } = slowStore();
  const keys = { fetch: async () => privateKey };
  const decryptor = createPasswordDecryptor({ nonces, store, keys });
  const bodies = await Promise.all(Array.from({ length: 140 }, () => encrypted('walks the dog at seven')));
  const waiting = bodies.map((body) => decryptor.open(body, 'password').then(({ password }) => password, codeOf));
  const settled = Promise.all(waiting);
  // Those that are refused are refused at once, while all others still wait for the database.
  const refused = await Promise.all(waiting.slice(132));
  assert.deepEqual(refused, Array(8).fill('overloaded'));
  assert.equal(used.size, 0);
  answer();
  assert.deepEqual((await settled).slice(0, 132), Array(132).fill('walks the dog at seven'));
  assert.equal(used.size, 132);
  const [again] = bodies.slice(-1);
  assert.ok(again);
  assert.deepEqual(await decryptor.open(again, 'password'), { password: 'walks the dog at seven' });
});

test('a plain body passes as it is, without a look at nonces or keys', async () => {
  const never = () => assert.fail('nothing is encrypted');
  const decryptor = createPasswordDecryptor({
    nonces: { issue: never, read: never },
    store: { use: never, purge: never },
    keys: { fetch: never },
  });
  const body = { login: 'ann', password: 'walks the dog at seven' };
  assert.deepEqual(await decryptor.open(body, 'password'), body);
  assert.deepEqual(await decryptor.openOptional({ login: 'ann' }, 'password'), { login: 'ann' });
});

test('a fault of the database or of the keys is no fault of the client', async () => {
  const broken = async () => assert.fail('the database is away');
  const { store, answer } = slowStore();
  answer();
  for (const deps of [
    { store: { use: broken, purge: broken }, keys: { fetch: async () => privateKey } },
    { store, keys: { fetch: broken } },
  ]) {
    const decryptor = createPasswordDecryptor({ nonces, ...deps });
    await assert.rejects(decryptor.open(await encrypted('x'), 'password'), { message: 'the database is away' });
  }
});
