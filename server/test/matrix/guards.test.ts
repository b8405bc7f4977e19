import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Access } from '../../src/platform/http/caller.ts';
import type { HttpServer } from '../../src/platform/http/server.ts';
import { openTestApp } from '../app.ts';
import { createClient, ok } from '../client.ts';
import { freshSqlite } from '../scenario.ts';
import type { AccessTable } from './access-table.ts';
import { createCast } from './cast.ts';
import { assertRow } from './cells.ts';
import { outcomeOf } from './outcome.ts';
import { ask, createWorld, giveRoles, member, newRole, type World } from './world.ts';

const BASE = '/api/v1/guarded';

/** Routes with guards that no route of the product has so far. */
function guardedRoutes(app: HttpServer): void {
  const route = (name: string, config: { access: Access; [field: string]: unknown }) => {
    app.get(`${BASE}/${name}`, { config }, async () => ({ name }));
  };
  route('optional', { access: 'optional' });
  route('verified', { access: 'verified' });
  route('fresh', { access: 'signedIn', fresh: true });
  route('permission', { access: 'permission' });
  route('permission-fresh', { access: 'permission', fresh: true });
  route('sensitive-fresh', { access: 'permission', sensitive: true, fresh: true });
  route('sensitive', { access: 'permission', sensitive: true });
  route('renamed', { access: 'permission', formerly: [`GET:${BASE}/earlier`, 'GET:/api/v0/earliest'] });
  route('sensitive-renamed', { access: 'permission', sensitive: true, formerly: [`GET:${BASE}/secret`] });
  route('any', { access: { anyRole: ['alpha', 'beta'] } });
  route('all', { access: { allRoles: ['alpha', 'beta'] } });
  route('built-in', { access: { anyRole: ['admin'] } });
  app.post(`${BASE}/permission`, { config: { access: 'permission' } }, async () => ({}));
}

const TABLE: AccessTable = {
  [`GET:${BASE}/optional`]: { access: 'optional', admitted: 200 },
  [`GET:${BASE}/verified`]: { access: 'verified', admitted: 200 },
  [`GET:${BASE}/fresh`]: { access: 'signedIn', fresh: true, admitted: 200 },
  [`GET:${BASE}/permission`]: { access: 'permission', admitted: 200 },
  [`POST:${BASE}/permission`]: { access: 'permission', admitted: 200 },
  [`GET:${BASE}/permission-fresh`]: { access: 'permission', fresh: true, admitted: 200 },
  [`GET:${BASE}/sensitive-fresh`]: { access: 'permission', sensitive: true, fresh: true, admitted: 200 },
  [`GET:${BASE}/sensitive`]: { access: 'permission', sensitive: true, admitted: 200 },
  [`GET:${BASE}/renamed`]: { access: 'permission', admitted: 200 },
  [`GET:${BASE}/sensitive-renamed`]: { access: 'permission', sensitive: true, admitted: 200 },
};

const PERMISSION = ['permission', 'permission-fresh', 'renamed'];
const SENSITIVE = ['sensitive', 'sensitive-fresh', 'sensitive-renamed'];
const NAMED = ['any', 'all', 'built-in'];
const ALL = [...PERMISSION, ...SENSITIVE, ...NAMED];

/** What each pattern admits to, of all GET routes that ask for a permission. */
const PATTERNS: Record<string, string[]> = {
  '*': [...PERMISSION, ...SENSITIVE],
  '*:/*': PERMISSION,
  'GET:/*': PERMISSION,
  '*:/api/v1/*': PERMISSION,
  [`GET:${BASE}/*`]: PERMISSION,
  '*:/api/*/guarded/*': PERMISSION,
  'GET:/*/*/*/permission': ['permission'],
  'GET:/api/*/permission': [],
  [`GET:${BASE}`]: [],
  [`GET:${BASE}/permission/*`]: [],
  [`POST:${BASE}/*`]: [],
  [`*:${BASE}/permission`]: ['permission'],
  [`GET:${BASE}/Permission`]: [],
  [`GET:${BASE}/{name}`]: [],
  [`GET:${BASE}/earlier`]: ['renamed'],
  'GET:/api/v0/earliest': ['renamed'],
  'GET:/api/v0/*': ['renamed'],
  [`GET:${BASE}/sensitive`]: ['sensitive'],
  [`*:${BASE}/sensitive`]: [],
  [`GET:${BASE}/secret`]: ['sensitive-renamed'],
  [`*:${BASE}/secret`]: [],
};

let w: World;
before(async () => {
  const { url: databaseUrl, drop } = await freshSqlite();
  const t = await openTestApp({ databaseUrl, routes: guardedRoutes });
  const close = async () => {
    await t.close();
    await drop();
  };
  w = await createWorld({ ...t, close, client: createClient(t), databaseUrl });
});
after(() => w.close());

/** Asks all routes, by GET and by HEAD, and fails unless exactly these let the caller in. */
async function assertAdmitted(token: string, wanted: readonly string[], whose: string): Promise<void> {
  const admitted: string[] = [];
  for (const name of ALL) {
    const answer = await ask(w, 'GET', `${BASE}/${name}`, token);
    const outcome = outcomeOf(answer);
    assert.ok(outcome === 'forbidden' || answer.statusCode === 200, `${whose}: ${answer.statusCode} ${answer.body}`);
    if (outcome === 'admitted') admitted.push(name);
    const head = await ask(w, 'HEAD', `${BASE}/${name}`, token);
    assert.equal(head.statusCode, answer.statusCode, `HEAD ${name}`);
    assert.equal(head.body, '');
  }
  assert.deepEqual(admitted.sort(), [...wanted].sort(), whose);
}

describe('every guard, asked by everybody', () => {
  let cast: ReturnType<typeof createCast>;
  before(() => {
    cast = createCast(w);
  });
  for (const code of Object.keys(TABLE)) test(code, () => assertRow(w, cast, TABLE, code));
});

describe('what each pattern admits to', () => {
  for (const [pattern, wanted] of Object.entries(PATTERNS)) {
    test(pattern, async () => {
      const role = await newRole(w, { permissions: [pattern] });
      await assertAdmitted((await member(w, [role])).token, wanted, pattern);
    });
  }

  test('roles add up, disabled ones to nothing', async () => {
    const one = await newRole(w, { permissions: [`GET:${BASE}/sensitive`] });
    const two = await newRole(w, { permissions: [`GET:${BASE}/permission`] });
    const off = await newRole(w, { permissions: ['*'], enabled: false });
    await assertAdmitted((await member(w, [one, two, off])).token, ['sensitive', 'permission'], 'three roles');
  });
});

describe('routes that ask for roles by name', () => {
  const change = async (id: string, body: object) =>
    ok(await w.client.send('PATCH', `/admin/roles/${id}`, { token: w.root, body }), 200);

  test('any of them, all of them, a built-in one; all permissions are no role, superadmins have all', async () => {
    const alpha = await newRole(w, { code: 'alpha' });
    const beta = await newRole(w, { code: 'beta' });
    const everything = await newRole(w, { permissions: ['*'] });
    const grid: [string[], string[]][] = [
      [['user'], []],
      [['guest'], []],
      [[alpha], ['any']],
      [[beta], ['any']],
      [
        [alpha, beta],
        ['any', 'all'],
      ],
      [['admin'], [...PERMISSION, 'built-in']],
      [[everything], [...PERMISSION, ...SENSITIVE]],
      [['superadmin'], ALL],
    ];
    for (const [roles, wanted] of grid) await assertAdmitted((await member(w, roles)).token, wanted, roles.join());

    const { token, userId } = await member(w, [alpha, beta]);
    await assertAdmitted(token, ['any', 'all'], 'both');
    await change(beta, { enabled: false });
    await assertAdmitted(token, ['any'], 'one of them disabled');
    await change(alpha, { code: 'gamma' });
    await assertAdmitted(token, [], 'the other under another code');
    await change(beta, { enabled: true });
    await change(alpha, { code: 'alpha' });
    await assertAdmitted(token, ['any', 'all'], 'as it was');
    await giveRoles(w, userId, [alpha]);
    await assertAdmitted(token, ['any'], 'one taken away');
    ok(await w.client.send('DELETE', `/admin/roles/${alpha}`, { token: w.root }), 204);
    await assertAdmitted(token, [], 'the other deleted');
    // Another role of the same code is not the one that was granted.
    await newRole(w, { code: 'alpha' });
    await assertAdmitted(token, [], 'made again');
  });

  test('a role below the level that it demands counts by its name for nothing', async () => {
    const alpha = await newRole(w, { code: 'alpha_guarded' });
    const all = ok<{ items: { id: string; code: string }[] }>(
      await w.client.send('GET', '/admin/roles?pageSize=100', { token: w.root }),
      200,
    );
    for (const { id, code } of all.items)
      if (code === 'alpha' || code === 'beta') await change(id, { code: `old_${code}` });
    await change(alpha, { code: 'alpha', mfa: 'required' });
    const beta = await newRole(w, { code: 'beta' });
    const outcomes = async (roles: string[]) => {
      const { token } = await member(w, roles);
      const outcome = async (name: string) => outcomeOf(await ask(w, 'GET', `${BASE}/${name}`, token));
      return [await outcome('any'), await outcome('all')];
    };
    assert.deepEqual(await outcomes([alpha]), ['mfa_required', 'forbidden']);
    assert.deepEqual(await outcomes([alpha, beta]), ['admitted', 'mfa_required']);
    assert.deepEqual(await outcomes([beta]), ['admitted', 'forbidden']);
    assert.deepEqual(await outcomes(['superadmin']), ['admitted', 'admitted']);
  });
});
