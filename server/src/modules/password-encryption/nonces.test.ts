import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOW } from '../../../test/fixtures.ts';
import { after, MINUTE } from '../../platform/clock.ts';
import { createKeyring } from '../../platform/crypto/keyring.ts';
import { createNonces } from './nonces.ts';

const A = 'the first secret of thirty-two bytes!';
const B = 'the other secret of thirty-two bytes!';

const nonces = (current = A, previous: string | null = null, now = NOW) =>
  createNonces({ keyring: createKeyring({ current, previous }), clock: () => now });

test('each is another, tells its end, and is known by any instance that has the secret', () => {
  const { nonce, expiresIn } = nonces().issue();
  assert.equal(expiresIn, 300);
  assert.match(nonce, /^[\w-]{78}$/);
  const read = nonces().read(nonce);
  assert.deepEqual(read?.expiresAt, after(NOW, 5 * MINUTE));
  assert.match(read.id, /^[0-9a-f]{32}$/);
  const ids = Array.from({ length: 1000 }, () => nonces().read(nonces().issue().nonce)?.id);
  assert.equal(new Set(ids).size, 1000);
});

test('expires, to the millisecond', () => {
  const { nonce } = nonces().issue();
  assert.ok(nonces(A, null, after(NOW, 5 * MINUTE - 1)).read(nonce));
  assert.equal(nonces(A, null, after(NOW, 5 * MINUTE)).read(nonce), null);
});

test('is known under the previous secret, and under no other', () => {
  const { nonce } = nonces(A).issue();
  assert.ok(nonces(B, A).read(nonce));
  assert.equal(nonces(B).read(nonce), null);
});

test('has no bit that could be another', () => {
  const bytes = Buffer.from(nonces().issue().nonce, 'base64url');
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const byte = bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7));
    const other = Buffer.from(bytes.with(bit >> 3, byte)).toString('base64url');
    assert.equal(nonces().read(other), null, `bit ${bit}`);
  }
  const nonce = bytes.toString('base64url');
  for (const other of [
    '',
    'A',
    nonce.slice(1),
    `${nonce}A`,
    `${nonce}=`,
    ` ${nonce}`,
    nonce.slice(0, -4),
    'é'.repeat(79),
  ]) {
    assert.equal(nonces().read(other), null, other);
  }
});
