import assert from 'node:assert/strict';
import { makeEvent, makePasskey } from '../../../test/fixtures.ts';
import { mine, open, permitted } from '../../../test/matrix/rules.ts';
import { member, type World } from '../../../test/matrix/world.ts';

/** The status that an admitted caller gets for the body `{}`. */
export const rules = {
  'POST:/api/v1/auth/passkey/options': open(200),
  'POST:/api/v1/auth/passkey': open(400),
  'POST:/api/v1/auth/reauthenticate/options': mine(200),
  'GET:/api/v1/users/me/passkeys': mine(200),
  'POST:/api/v1/users/me/passkeys/options': mine(200, { fresh: true }),
  'POST:/api/v1/users/me/passkeys': mine(400),
  'PATCH:/api/v1/users/me/passkeys/{id}': mine(404),
  'DELETE:/api/v1/users/me/passkeys/{id}': mine(404, { fresh: true }),
  'GET:/api/v1/admin/users/{id}/passkeys': permitted(200),
  'DELETE:/api/v1/admin/users/{id}/passkeys/{passkeyId}': permitted(204, { fresh: 'sessions' }),
  'GET:/.well-known/webauthn': open(200),
};

/** Somebody with passkeys that a browser made silently, so that none is the last factor. */
async function passkeyThing(w: World) {
  const { userId, token: owner } = await member(w);
  const { users, factors } = w.app.storage;
  const { credentialEpoch } = (await users.find(userId)) ?? assert.fail();
  const passkey = makePasskey({ silent: true });
  await factors.begin({ userId, handle: passkey.credentialId, credentialEpoch });
  const event = makeEvent(`factors:${userId}`);
  assert.equal(await factors.addPasskey({ userId, version: 0, credentialEpoch }, passkey, {}, event), 'ok');
  const record = () => factors.find(userId);
  return { parameters: { id: userId, passkeyId: passkey.id }, owner, record };
}

async function ownPasskeyThing(w: World) {
  const { parameters, ...thing } = await passkeyThing(w);
  return { ...thing, parameters: { id: parameters.passkeyId } };
}

/** Creates what the parameters of a path name. */
export const things = {
  '/api/v1/users/me/passkeys/{id}': ownPasskeyThing,
  '/api/v1/admin/users/{id}/passkeys': passkeyThing,
  '/api/v1/admin/users/{id}/passkeys/{passkeyId}': passkeyThing,
};
