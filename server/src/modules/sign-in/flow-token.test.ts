import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeId, makeUser, NOW } from '../../../test/fixtures.ts';
import { after, MINUTE } from '../../platform/clock.ts';
import { createKeyring } from '../../platform/crypto/keyring.ts';
import { isId } from '../../platform/ids.ts';
import { createFlowTokens, epochsOf, type Flow, stillStands } from './flow-token.ts';

const keyring = createKeyring({ current: 'a secret of thirty-two bytes or more!', previous: null });
const PURPOSE = 'sign-in-flow';

const makeFlow = (fields: Partial<Flow> = {}): Flow => ({
  id: makeId(),
  becomes: 'session',
  generation: 4,
  userId: makeId(),
  clientId: 'ostiary',
  passwordVersion: 7,
  epochs: { sessionEpoch: 3, grantEpoch: 1, credentialEpoch: 2 },
  proofs: [
    { method: 'password', at: NOW },
    { method: 'email', at: after(NOW, MINUTE) },
  ],
  later: false,
  until: after(NOW, 10 * MINUTE),
  ...fields,
});

test('a flow token says what was proved and what for, for ten minutes, and tells others nothing', () => {
  const time = { now: NOW };
  const tokens = createFlowTokens({ keyring, clock: () => time.now });
  for (const flow of [makeFlow(), makeFlow({ becomes: 'elevation', proofs: [], later: true })]) {
    time.now = NOW;
    const token = tokens.issue(flow, 'change_password');
    assert.ok(token.length <= 1024, `${token.length} characters; the routes take 1,024`);
    assert.deepEqual(tokens.open(token), { flow, step: 'change_password' });
    assert.ok(!Buffer.from(token, 'base64url').includes(flow.userId));
    time.now = after(NOW, 10 * MINUTE - 1);
    assert.ok(tokens.open(token));
    time.now = after(NOW, 10 * MINUTE);
    assert.equal(tokens.open(token), null);
  }
});

test('a flow token of the version before is read, and what it did not keep is not compared', () => {
  const tokens = createFlowTokens({ keyring, clock: () => NOW });
  const user = makeUser({ passwordVersion: 7, sessionEpoch: 5 });
  const until = after(NOW, 4 * MINUTE).getTime();
  const sealed = { userId: user.id, step: 'verify_email', passwordVersion: 7, until };
  const token = keyring.seal(PURPOSE, Buffer.from(JSON.stringify(sealed)), PURPOSE);
  const opened = tokens.open(token);
  assert.ok(opened);
  const { id, ...flow } = opened.flow;
  assert.ok(isId(id));
  assert.equal(tokens.open(token)?.flow.id, id, 'one session at most');
  assert.deepEqual(flow, {
    becomes: 'session',
    generation: 0,
    userId: user.id,
    clientId: 'ostiary',
    passwordVersion: 7,
    epochs: null,
    proofs: [{ method: 'password', at: after(NOW, -6 * MINUTE) }],
    later: false,
    until: after(NOW, 4 * MINUTE),
  });
  assert.equal(opened.step, 'verify_email');
  assert.equal(stillStands(opened.flow, user), true);
  assert.equal(stillStands(opened.flow, { ...user, passwordVersion: 8 }), false);
});

test('the version before reads what this one issues', () => {
  const tokens = createFlowTokens({ keyring, clock: () => NOW });
  const flow = makeFlow();
  const text = keyring.open(PURPOSE, tokens.issue(flow, 'verify_email'), PURPOSE).toString();
  const { userId, step, passwordVersion, until } = JSON.parse(text);
  const expected = [flow.userId, 'verify_email', 7, flow.until.getTime()];
  assert.deepEqual([userId, step, passwordVersion, until], expected);
});

test('a flow is void once the password or one of the epochs has moved', () => {
  const user = makeUser({ passwordVersion: 7, sessionEpoch: 3, grantEpoch: 1, credentialEpoch: 2 });
  const flow = makeFlow({ userId: user.id, epochs: epochsOf(user) });
  assert.equal(stillStands(flow, user), true);
  for (const name of ['passwordVersion', 'sessionEpoch', 'grantEpoch', 'credentialEpoch'] as const) {
    assert.equal(stillStands(flow, { ...user, [name]: user[name] + 1 }), false, name);
    assert.equal(stillStands(flow, { ...user, [name]: user[name] - 1 }), false, name);
  }
});

test('what was changed, sealed for something else, or made up is no flow token', () => {
  const tokens = createFlowTokens({ keyring, clock: () => NOW });
  const token = tokens.issue(makeFlow(), 'verify_email');
  const elsewhere = keyring.seal('signing-key', Buffer.from('{}'), PURPOSE);
  const stranger = createKeyring({ current: 'another secret of thirty-two bytes ....', previous: null });
  const foreign = createFlowTokens({ keyring: stranger, clock: () => NOW }).issue(makeFlow(), 'verify_email');
  for (const bad of ['', '.', 'x', `${token}A`, token.slice(0, -1), `${token} `, elsewhere, foreign]) {
    assert.equal(tokens.open(bad), null, bad);
  }
});
