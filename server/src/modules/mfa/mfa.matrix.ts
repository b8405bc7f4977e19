import { makeEvent, makeFactors, makeTrusted } from '../../../test/fixtures.ts';
import { mine, open, permitted } from '../../../test/matrix/rules.ts';
import { member, type World } from '../../../test/matrix/world.ts';

/** The status that an admitted caller gets for the body `{}`. */
export const rules = {
  'GET:/stop-factor-reset': open(200),
  'POST:/api/v1/auth/recover-factors': open(400),
  'POST:/api/v1/auth/stop-factor-reset': open(400),
  'DELETE:/api/v1/users/me/trusted-devices': mine(204),
  'DELETE:/api/v1/users/me/trusted-devices/{id}': mine(404),
  'DELETE:/api/v1/users/me/factors/reset': mine(204, { fresh: true }),
  'POST:/api/v1/users/me/lock-down': mine(204, { fresh: true, endsCaller: true }),
  'POST:/api/v1/admin/users/{id}/factors/reset': permitted(400, { sensitive: true, fresh: true, aal: 2 }),
  'DELETE:/api/v1/admin/users/{id}/factors/reset': permitted(204, { fresh: false }),
};

async function deviceThing(w: World) {
  const { token: owner, userId } = await member(w);
  const { factors } = w.app.storage;
  const begun = makeFactors({ userId, credentialEpoch: 0 });
  const device = makeTrusted();
  await factors.begin(begun);
  await factors.setTrusted(begun, [device], makeEvent(`factors:${userId}`));
  return { parameters: { id: device.id }, owner, record: () => factors.find(userId) };
}

/** What the parameters of a path name. */
export const things = { '/api/v1/users/me/trusted-devices/{id}': deviceThing };
