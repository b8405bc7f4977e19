import assert from 'node:assert/strict';
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { test } from 'node:test';
import { hasLowS, lowS } from './low-s.ts';

test('of the two signatures that ECDSA takes for one, the same one is always written, and only that taken', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const as = 'ieee-p1363';
  let lowered = 0;
  for (let index = 0; index < 64; index++) {
    const input = Buffer.from(`message ${index}`);
    const made = sign('sha256', input, { key: privateKey, dsaEncoding: as });
    const written = lowS(made);
    assert.equal(written.length, 64);
    assert.ok(verify('sha256', input, { key: publicKey, dsaEncoding: as }, written));
    assert.ok(hasLowS(written));
    assert.deepEqual(lowS(written), written);
    assert.equal(hasLowS(made), made.equals(written));
    if (!made.equals(written)) lowered += 1;
  }
  assert.ok(lowered > 0, 'half of all signatures are the higher one');
});

test('nothing of another length has one', () => {
  for (const length of [0, 1, 32, 63, 65, 128]) assert.equal(hasLowS(Buffer.alloc(length)), false, `${length}`);
});
