import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Proof } from '../src/modules/sessions/session-store.ts';
import { admin } from './administration.ts';
import { ok } from './client.ts';
import { assured } from './matrix/assured.ts';
import { createWorld, type Member, member, newRole, type World } from './matrix/world.ts';
import { openScene, refused } from './scenario.ts';

type Mfa = 'off' | 'required' | 'phishing_resistant';
const SUPERADMIN = '00000000-0000-7000-8000-000000000001';
const GUARDED = '/admin/routes';
const PERMISSION = `GET:/api/v1${GUARDED}`;

/** Sessions from weak to strong, by what was proved besides the password. */
const SESSIONS: Record<string, Proof['method'][]> = {
  'one factor': [],
  'a trusted device': ['trusted_device'],
  'two factors': ['totp'],
  'a passkey': ['passkey'],
};

/** Which of these sessions a role admits. */
const ADMITTED: [mfa: Mfa, trustDevices: boolean, sessions: string[]][] = [
  ['off', false, Object.keys(SESSIONS)],
  ['off', true, Object.keys(SESSIONS)],
  ['required', false, ['two factors', 'a passkey']],
  ['required', true, ['a trusted device', 'two factors', 'a passkey']],
  ['phishing_resistant', false, ['a passkey']],
  ['phishing_resistant', true, ['a passkey']],
];

let w: World;
before(async () => {
  w = await createWorld(await openScene());
});
after(() => w.close());

const get = ({ token }: Pick<Member, 'token'>) => w.client.send('GET', GUARDED, { token });
const demand = (id: string, mfa: Mfa, token?: string) => admin(w, 'PATCH', `/roles/${id}`, { mfa }, token);
const permissionsOf = async ({ token }: Pick<Member, 'token'>) =>
  ok<{ roles: string[]; permissions: string[]; mfaRequiredBy: object[] }>(
    await w.client.send('GET', '/users/me/permissions', { token }),
    200,
  );
const rolesIn = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).roles as string[];

describe('a role that demands MFA grants nothing below', () => {
  for (const [mfa, trustDevices, sessions] of ADMITTED) {
    test(`${mfa}${trustDevices ? ', devices trusted' : ''}: ${sessions.join(', ')}`, async () => {
      const id = await newRole(w, { permissions: [PERMISSION], mfa, trustDevices });
      for (const [name, methods] of Object.entries(SESSIONS)) {
        const who = await member(w, [id]);
        if (methods.length > 0) await assured(w, who, methods);
        const isIn = sessions.includes(name);
        if (isIn) ok(await get(who), 200);
        else refused(await get(who), 403, 'mfa_required');
        const told = await permissionsOf(who);
        assert.equal(told.permissions.includes(PERMISSION), isIn, name);
        assert.equal(told.mfaRequiredBy.length, isIn ? 0 : 1);
      }
    });
  }

  test('what it would not grant stays forbidden; another role that demands nothing admits', async () => {
    const other = await newRole(w, { permissions: ['GET:/api/v1/admin/events'], mfa: 'required' });
    refused(await get(await member(w, [other])), 403, 'forbidden');
    const plain = await newRole(w, { permissions: [PERMISSION] });
    ok(await get(await member(w, [other, plain])), 200);
    const disabled = await newRole(w, { permissions: [PERMISSION], mfa: 'required', enabled: false });
    refused(await get(await member(w, [disabled])), 403, 'forbidden');
  });

  test('from the next request on, both ways; tokens do not name it to other services', async () => {
    const id = await newRole(w, { code: 'tightened', permissions: [PERMISSION] });
    const who = await member(w, [id]);
    let { refreshToken } = await w.client.login(who);
    const again = async () => {
      const answer = await w.client.send('POST', '/auth/refresh', { body: { refreshToken } });
      const signedIn = ok<{ accessToken: string; refreshToken: string }>(answer, 200);
      refreshToken = signedIn.refreshToken;
      return signedIn.accessToken;
    };
    ok(await get(who), 200);
    assert.deepEqual(rolesIn(await again()), ['tightened']);
    ok(await demand(id, 'required'), 200);
    refused(await get(who), 403, 'mfa_required');
    assert.deepEqual(rolesIn(await again()), []);
    assert.deepEqual((await permissionsOf(who)).mfaRequiredBy, [{ role: 'tightened', mfa: 'required' }]);
    ok(await demand(id, 'off'), 200);
    ok(await get(who), 200);
  });
});

describe('decisions about others', () => {
  test('power that a session has not reached does not count', async () => {
    const wide = await newRole(w, { permissions: ['*:/api/v1/admin/*'], mfa: 'required' });
    const narrow = await newRole(w, {
      permissions: ['GET:/api/v1/admin/users/{id}', 'PUT:/api/v1/admin/users/{id}/roles'],
    });
    const boss = await member(w, [wide, narrow]);
    const target = await member(w, ['user']);
    const give = () => admin(w, 'PUT', `/users/${target.userId}/roles`, { roles: ['user', wide] }, boss.token);
    refused(await give(), 403, 'mfa_required');
    await assured(w, boss, ['totp']);
    ok(await give(), 200);
    // Weight counts what a role would grant: who is below its level cannot act on whoever has it.
    const lesser = await member(w, [narrow]);
    const take = await admin(w, 'PUT', `/users/${target.userId}/roles`, { roles: ['user'] }, lesser.token);
    refused(take, 403, 'power_exceeded');
  });

  test('nobody demands of their own role what their session lacks, or weakens one that does not count for them', async () => {
    const id = await newRole(w, { permissions: ['*:/api/v1/admin/*'] });
    const who = await member(w, [id]);
    refused(await demand(id, 'required', who.token), 403, 'mfa_required');
    await assured(w, who, ['totp']);
    refused(await demand(id, 'phishing_resistant', who.token), 403, 'mfa_required');
    ok(await demand(id, 'required', who.token), 200);
    const weak = await member(w, [id, await newRole(w, { permissions: ['PATCH:/api/v1/admin/roles/{id}'] })]);
    refused(await demand(id, 'off', weak.token), 403, 'mfa_required');
  });
});

describe('superadmins', () => {
  test('their role demands MFA of them too, and only that of it can be changed', async () => {
    const strong = await member(w, ['superadmin']);
    const weak = await member(w, ['superadmin', 'admin']);
    const target = await member(w, ['superadmin']);
    const everything = await member(w, [await newRole(w, { permissions: ['*'] })]);
    refused(await demand(SUPERADMIN, 'required', everything.token), 403, 'power_exceeded');
    refused(await admin(w, 'PATCH', `/roles/${SUPERADMIN}`, { mfa: 'off', name: 'x' }), 409, 'role_built_in');
    refused(await demand(SUPERADMIN, 'required', weak.token), 403, 'mfa_required');

    await assured(w, strong, ['totp']);
    ok(await demand(SUPERADMIN, 'required', strong.token), 200);
    try {
      const rotate = (token: string) => w.client.send('POST', '/admin/keys/rotate', { token, body: {} });
      refused(await rotate(weak.token), 403, 'mfa_required');
      // The other role still counts, and its power is no superadmin's.
      ok(await get(weak), 200);
      const roles = await admin(w, 'PUT', `/users/${target.userId}/roles`, { roles: ['user'] }, weak.token);
      refused(roles, 403, 'mfa_required');
      ok(await rotate(strong.token), 200);
    } finally {
      ok(await demand(SUPERADMIN, 'off', strong.token), 200);
    }
    ok(await get(weak), 200);
  });
});

test('an old version of the role is refused, and the change is in the audit log', async () => {
  const id = await newRole(w, {});
  const headers = { 'if-match': '"1"' };
  const patch = (body: object) => w.client.send('PATCH', `/admin/roles/${id}`, { token: w.root, body, headers });
  ok(await patch({ mfa: 'required', trustDevices: true }), 200);
  refused(await patch({ mfa: 'off' }), 412, 'version_conflict');
  const [event] = (await w.app.storage.events.listForTarget(`role:${id}`)).filter(
    ({ type }) => type === 'role.changed',
  );
  assert.deepEqual(event?.data, {
    before: { mfa: 'off', trustDevices: false },
    after: { mfa: 'required', trustDevices: true },
  });
  refused(await admin(w, 'PATCH', `/roles/${id}`, { mfa: 'sometimes' }), 400, 'validation_failed');
});
