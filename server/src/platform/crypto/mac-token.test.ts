import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKeyring } from './keyring.ts';
import { createMacTokens } from './mac-token.ts';

const A = 'the first secret of thirty-two bytes!';
const B = 'the other secret of thirty-two bytes!';
const BODY = Buffer.from('0123456789');

function open({ current = A, previous = null as string | null, purpose = 'test', bodyBytes = BODY.length } = {}) {
  return createMacTokens({ keyring: createKeyring({ current, previous }), purpose, bodyBytes });
}

test('a token gives back its bytes, with its context only', () => {
  const tokens = open();
  assert.deepEqual(tokens.read(tokens.make(BODY)), BODY);
  const token = tokens.make(BODY, 'ann', '1');
  assert.deepEqual(tokens.read(token, 'ann', '1'), BODY);
  for (const context of [[], ['ann'], ['ann', '2'], ['1', 'ann'], ['ann1'], ['ann', '1', '']]) {
    assert.equal(tokens.read(token, ...context), null, context.join());
  }
});

test('no other purpose, length or secret reads it; the one before does', () => {
  const token = open().make(BODY);
  assert.equal(open({ purpose: 'other' }).read(token), null);
  assert.equal(open({ bodyBytes: BODY.length + 1 }).read(token), null);
  assert.equal(open({ current: B }).read(token), null);
  assert.deepEqual(open({ current: B, previous: A }).read(token), BODY);
});

test('no bit of it can be changed, nothing added or left out, and it has one spelling', () => {
  const tokens = open();
  const token = tokens.make(BODY);
  const bytes = Buffer.from(token, 'base64url');
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const other = bytes.with(bit >> 3, (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7)));
    assert.equal(tokens.read(Buffer.from(other).toString('base64url')), null, `bit ${bit}`);
  }
  for (const other of ['', `${token}A`, `${token}=`, ` ${token}`, token.slice(1), token.slice(0, -1)]) {
    assert.equal(tokens.read(other), null, other);
  }
});

test('a body of another length is a mistake of ours', () => {
  assert.throws(() => open().make(BODY.subarray(1)), TypeError);
});
