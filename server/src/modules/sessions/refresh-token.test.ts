import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKeyring } from '../../platform/crypto/keyring.ts';
import { createRefreshTokens } from './refresh-token.ts';

const OLD = 'an old secret of thirty-two bytes or more';
const NEW = 'a new secret of thirty-two bytes or more!';
const SESSION = '01a1f952-7f22-798f-ab28-232779a268b1';
const tokens = createRefreshTokens({ keyring: createKeyring({ current: OLD, previous: null }) });

test('a token says which session and generation it is of, and is not stored', () => {
  const first = tokens.first(SESSION);
  assert.deepEqual(tokens.parse(first.text), first);
  assert.equal(first.generation, 0);
  assert.equal(first.sessionId, SESSION);
  assert.ok(!first.hash.includes(first.text.slice(0, 20)));
  assert.notEqual(tokens.first(SESSION).text, first.text);
});

test('the successor is the same for the same nonce, and another for another nonce, token, session or key', () => {
  const first = tokens.first(SESSION);
  const nonce = tokens.newNonce();
  const next = tokens.successor(first, nonce);
  assert.deepEqual(tokens.successor(first, nonce), next);
  assert.equal(next.generation, 1);
  assert.deepEqual(tokens.parse(next.text), next);
  assert.notEqual(tokens.successor(first, tokens.newNonce()).text, next.text);
  assert.notEqual(tokens.successor(tokens.first(SESSION), nonce).text, next.text);
  assert.notEqual(tokens.successor({ ...first, sessionId: first.sessionId.replace('0', '1') }, nonce).text, next.text);
});

test('a changed bit anywhere, another length or another spelling makes it no token of ours', () => {
  const { text } = tokens.first(SESSION);
  const bytes = Buffer.from(text, 'base64url');
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(tokens.parse(changed.toString('base64url')), null, `bit ${bit}`);
  }
  for (const other of [
    '',
    'x',
    `${text}A`,
    text.slice(0, -1),
    `${text}=`,
    ` ${text}`,
    `${text.slice(0, 5)}\n${text.slice(5)}`,
  ]) {
    assert.equal(tokens.parse(other), null, JSON.stringify(other));
  }
});

test('after a change of SECRET_KEY old tokens and their retries go on, and new ones are made under the new key', () => {
  const first = tokens.first(SESSION);
  const nonce = tokens.newNonce();
  const next = tokens.successor(first, nonce);
  const changed = createRefreshTokens({ keyring: createKeyring({ current: NEW, previous: OLD }) });
  assert.deepEqual(changed.parse(first.text), first);
  assert.deepEqual(changed.successor(first, nonce), next);
  const afterwards = createRefreshTokens({ keyring: createKeyring({ current: NEW, previous: null }) });
  assert.equal(afterwards.parse(first.text), null);
  const rotated = changed.successor(next, changed.newNonce());
  assert.deepEqual(afterwards.parse(rotated.text), rotated);
});
