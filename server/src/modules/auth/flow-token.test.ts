import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeUser, NOW } from '../../../test/fixtures.ts';
import { after, MINUTE } from '../../platform/clock.ts';
import { createKeyring } from '../../platform/crypto/keyring.ts';
import { createFlowTokens } from './flow-token.ts';

const keyring = createKeyring({ current: 'a secret of thirty-two bytes or more!', previous: null });

test('a flow token says whose sign-in waits for which step, for ten minutes, and tells others nothing', () => {
  const time = { now: NOW };
  const tokens = createFlowTokens({ keyring, clock: () => time.now });
  const user = makeUser({ passwordVersion: 7 });
  const token = tokens.issue(user, 'change_password');
  assert.deepEqual(tokens.open(token), { userId: user.id, step: 'change_password', passwordVersion: 7 });
  assert.ok(!Buffer.from(token, 'base64url').includes(user.id));
  time.now = after(NOW, 10 * MINUTE - 1);
  assert.ok(tokens.open(token));
  time.now = after(NOW, 10 * MINUTE);
  assert.equal(tokens.open(token), null);
});

test('what was changed, sealed for something else, or made up is no flow token', () => {
  const tokens = createFlowTokens({ keyring, clock: () => NOW });
  const token = tokens.issue(makeUser(), 'verify_email');
  const elsewhere = keyring.seal('signing-key', Buffer.from('{}'), 'sign-in-flow');
  const stranger = createKeyring({ current: 'another secret of thirty-two bytes ....', previous: null });
  const foreign = createFlowTokens({ keyring: stranger, clock: () => NOW }).issue(makeUser(), 'verify_email');
  for (const bad of ['', '.', 'x', `${token}A`, token.slice(0, -1), `${token} `, elsewhere, foreign]) {
    assert.equal(tokens.open(bad), null, bad);
  }
});
