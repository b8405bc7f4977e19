import { ok } from '../../../test/client.ts';
import { mine, open, permitted } from '../../../test/matrix/rules.ts';
import { freshRoot, member, newRole, type World } from '../../../test/matrix/world.ts';
import { after, DAY } from '../../platform/clock.ts';

/** The status that an admitted caller gets for the body `{}`. */
export const rules = {
  'GET:/api/v1/users/me/keys': mine(200),
  'POST:/api/v1/users/me/keys': mine(400, { fresh: true }),
  'PATCH:/api/v1/users/me/keys/{id}': mine(404),
  'DELETE:/api/v1/users/me/keys/{id}': mine(404),
  'POST:/api/v1/users/me/keys/{id}/rotate': mine(404, { fresh: true }),
  'POST:/api/v1/auth/keys/report': open(400),
  'GET:/api/v1/admin/service-accounts': permitted(200),
  'POST:/api/v1/admin/service-accounts': permitted(400, { fresh: 'sessions' }),
  'GET:/api/v1/admin/service-accounts/{id}': permitted(200),
  'PATCH:/api/v1/admin/service-accounts/{id}': permitted(400, { fresh: 'sessions' }),
  'DELETE:/api/v1/admin/service-accounts/{id}': permitted(204, { fresh: false }),
  'PUT:/api/v1/admin/service-accounts/{id}/roles': permitted(400, { fresh: 'sessions' }),
  'GET:/api/v1/admin/service-accounts/{id}/keys': permitted(200),
  'POST:/api/v1/admin/service-accounts/{id}/keys': permitted(400, { fresh: 'sessions' }),
  'PATCH:/api/v1/admin/service-accounts/{id}/keys/{keyId}': permitted(200, { fresh: false }),
  'DELETE:/api/v1/admin/service-accounts/{id}/keys/{keyId}': permitted(204, { fresh: false }),
  'POST:/api/v1/admin/service-accounts/{id}/keys/{keyId}/rotate': permitted(200, { fresh: 'sessions' }),
  'GET:/api/v1/admin/keys-in-use': permitted(200),
  'DELETE:/api/v1/admin/keys-in-use/{id}': permitted(204, { fresh: false }),
};

const SCOPES = ['GET:/api/v1/admin/routes'];
const keyBody = (w: World) => ({ name: 'A key', scopes: SCOPES, expiresAt: after(w.time.now, 30 * DAY).toISOString() });

async function ownKeyThing(w: World) {
  const { token: owner } = await member(w, [await newRole(w, { permissions: SCOPES })]);
  const { key } = ok<{ key: { id: string } }>(
    await w.client.send('POST', '/users/me/keys', { token: owner, body: keyBody(w) }),
    201,
  );
  const record = () => w.app.storage.apiKeys.find(key.id);
  return { parameters: { id: key.id }, owner, record };
}

async function serviceAccountThing(w: World) {
  const token = await freshRoot(w);
  const body = { name: 'A program' };
  const { id } = ok<{ id: string }>(await w.client.send('POST', '/admin/service-accounts', { token, body }), 201);
  const { token: owner } = await member(w);
  return { parameters: { id }, owner, record: () => w.app.storage.serviceAccounts.find(id) };
}

async function serviceKeyThing(w: World) {
  const { parameters, owner } = await serviceAccountThing(w);
  const path = `/admin/service-accounts/${parameters.id}/keys`;
  const { key } = ok<{ key: { id: string } }>(
    await w.client.send('POST', path, { token: await freshRoot(w), body: keyBody(w) }),
    201,
  );
  return {
    parameters: { ...parameters, keyId: key.id },
    owner,
    record: () => w.app.storage.apiKeys.find(key.id),
  };
}

/** Of an account without roles, so that nobody holds less. */
async function keyInUseThing(w: World) {
  const { parameters, ...thing } = await serviceKeyThing(w);
  return { ...thing, parameters: { id: parameters.keyId } };
}

/** Creates what the parameters of a path name. */
export const things = {
  '/api/v1/users/me/keys/{id}': ownKeyThing,
  '/api/v1/admin/keys-in-use/{id}': keyInUseThing,
  '/api/v1/admin/service-accounts/{id}': serviceAccountThing,
  '/api/v1/admin/service-accounts/{id}/keys/{keyId}': serviceKeyThing,
};
