import { addAuthenticator } from '../../../test/authenticator.ts';
import { mine } from '../../../test/matrix/rules.ts';
import { member, type World } from '../../../test/matrix/world.ts';

/** The status that an admitted caller gets for the body `{}`. */
export const rules = {
  'GET:/api/v1/users/me/factors': mine(200),
  'POST:/api/v1/users/me/factors/totp': mine(200, { fresh: true }),
  'POST:/api/v1/users/me/factors/totp/confirm': mine(400, { fresh: true }),
  'DELETE:/api/v1/users/me/factors/totp/{id}': mine(404, { fresh: true }),
  'POST:/api/v1/users/me/recovery-codes': mine(409, { fresh: true }),
};

async function totpThing(w: World) {
  const { token: owner, userId } = await member(w);
  const { id } = await addAuthenticator(w, owner);
  return { parameters: { id }, owner, record: () => w.app.storage.factors.find(userId) };
}

/** Creates what the parameters of a path name. */
export const things = { '/api/v1/users/me/factors/totp/{id}': totpThing };
