import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKeyring, SealBroken, UnknownKey } from './keyring.ts';

const OLD = 'an old secret of thirty-two bytes or more';
const NEW = 'a new secret of thirty-two bytes or more!';
const old = createKeyring({ current: OLD, previous: null });
const changed = createKeyring({ current: NEW, previous: OLD });
const afterwards = createKeyring({ current: NEW, previous: null });

test('the same secret is the same key in every process; another is another', () => {
  assert.equal(createKeyring({ current: OLD, previous: null }).currentKeyId, old.currentKeyId);
  assert.match(old.currentKeyId, /^[0-9a-f]{8}$/);
  assert.notEqual(afterwards.currentKeyId, old.currentKeyId);
  assert.ok(!OLD.includes(old.currentKeyId));
});

test('a MAC depends on purpose, key, every part, and where one part ends', () => {
  const macs = [
    old.mac('a', ['x', 'y']),
    old.mac('b', ['x', 'y']),
    old.mac('a', ['xy']),
    old.mac('a', ['xy', '']),
    old.mac('a', ['', 'xy']),
    old.mac('a', ['y', 'x']),
    afterwards.mac('a', ['x', 'y']),
  ].map((mac) => mac.toString('hex'));
  assert.equal(new Set(macs).size, macs.length);
  assert.deepEqual(old.mac('a', ['x', Buffer.from('y')]), old.mac('a', ['x', 'y']));
  assert.deepEqual(changed.mac('a', ['x', 'y'], old.currentKeyId), old.mac('a', ['x', 'y']));
});

test('what is sealed opens with its purpose and context only, and names its key', () => {
  const sealed = old.seal('p', Buffer.from('plain'), 'row 1');
  assert.equal(old.sealedBy(sealed), old.currentKeyId);
  assert.equal(old.open('p', sealed, 'row 1').toString(), 'plain');
  assert.notEqual(old.seal('p', Buffer.from('plain'), 'row 1'), sealed);
  assert.throws(() => old.open('q', sealed, 'row 1'), SealBroken);
  assert.throws(() => old.open('p', sealed, 'row 2'), SealBroken);
  assert.throws(() => old.open('p', `${sealed.slice(0, -2)}AA`, 'row 1'), SealBroken);
  assert.throws(() => old.open('p', sealed.slice(0, 20), 'row 1'), SealBroken);
});

test('a changed secret opens the old while it is given as the previous one, and no longer', () => {
  const sealed = old.seal('p', Buffer.from('plain'), '');
  assert.equal(changed.open('p', sealed, '').toString(), 'plain');
  assert.throws(() => afterwards.open('p', sealed, ''), UnknownKey);
  assert.throws(() => old.open('p', 'no key at all', ''), UnknownKey);
  assert.throws(() => afterwards.mac('a', [], old.currentKeyId), UnknownKey);
});
