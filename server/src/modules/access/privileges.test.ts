import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRouteCatalogue } from '../../platform/http/catalogue.ts';
import {
  grants,
  holdsAll,
  type Privileges,
  privilegesOf,
  roleScope,
  SUPERADMIN_PRIVILEGES,
  unmatched,
} from './privileges.ts';

const summary = null;
const catalogue = createRouteCatalogue();
const add = (method: string, url: string, config: object) =>
  catalogue.add({ methods: [method, 'HEAD'], url, summary, config: { access: 'permission', ...config } });
add('GET', '/things', {});
add('GET', '/things/:id', { formerly: ['GET:/old/{id}', 'GET:/older/{id}'] });
add('POST', '/keys/rotate', { sensitive: true });
add('DELETE', '/keys/:id', { sensitive: true, formerly: ['DELETE:/former-keys/{id}'] });
add('GET', '/models', { access: { anyRole: ['model_manager', 'chief'] } });
add('GET', '/chiefs', { access: { allRoles: ['chief'] } });

const power = (permissions: string[], guardRoles: string[] = []): Privileges => ({
  superadmin: false,
  permissions,
  guardRoles,
  scopes: null,
});

test('a sensitive route is granted by its own code, one it had before, or everything; by no other pattern', () => {
  const code = 'DELETE:/keys/{id}';
  for (const pattern of ['*', code, 'DELETE:/former-keys/{id}'])
    assert.equal(grants([pattern], code, catalogue), pattern);
  for (const pattern of ['*:/*', 'DELETE:/keys/*', '*:/keys/{id}', 'DELETE:/former-keys/*', 'POST:/keys/rotate'])
    assert.equal(grants([pattern], code, catalogue), undefined, pattern);
});

test('a renamed route is granted by its former codes, and by patterns over them', () => {
  const code = 'GET:/things/{id}';
  for (const pattern of [code, 'GET:/old/{id}', 'GET:/older/*', '*:/things/*', '*:/*', '*'])
    assert.equal(grants([pattern], code, catalogue), pattern);
  for (const pattern of ['GET:/things', 'POST:/old/{id}', 'GET:/oldest/{id}'])
    assert.equal(grants([pattern], code, catalogue), undefined, pattern);
});

test('who holds what', () => {
  const table: [held: Privileges, wanted: Privileges, holds: boolean][] = [
    [SUPERADMIN_PRIVILEGES, SUPERADMIN_PRIVILEGES, true],
    [SUPERADMIN_PRIVILEGES, power(['*'], ['chief']), true],
    [power(['*']), SUPERADMIN_PRIVILEGES, false],
    [power(['*']), power(['*:/*', 'POST:/keys/rotate']), true],
    [power(['*']), power([], ['chief']), false],
    [power(['*'], ['chief']), power([], ['chief']), true],
    [power([]), power([]), true],
    [power(['*:/*']), power(['*']), false],
    // A pattern does not grant a sensitive route that it matches, nor the right to grant that route to others.
    [power(['*:/*']), power(['POST:/keys/rotate']), false],
    [power(['*:/*']), power(['*:/keys/*']), true],
    [power(['POST:/keys/rotate']), power(['POST:/keys/rotate']), true],
    [power(['POST:/keys/rotate']), power(['POST:/keys/*']), false],
    // A former code counts as the present one.
    [power(['GET:/old/{id}']), power(['GET:/things/{id}']), true],
    [power(['GET:/things/{id}']), power(['GET:/older/{id}']), true],
    [power(['GET:/things/{id}']), power(['GET:/older/*']), false],
    // Codes without a route yet are compared as patterns.
    [power(['GET:/things']), power(['GET:/tomorrow']), false],
    [power(['GET:/tomorrow']), power(['GET:/tomorrow']), true],
    // All five methods together cover a pattern of all methods; four do not.
    [power(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].map((m) => `${m}:/x/*`)), power(['*:/x/*']), true],
    [power(['GET', 'POST', 'PUT', 'PATCH'].map((m) => `${m}:/x/*`)), power(['*:/x/*']), false],
  ];
  for (const [held, wanted, holds] of table)
    assert.equal(holdsAll(held, wanted, catalogue), holds, `${JSON.stringify(held)} ${JSON.stringify(wanted)}`);
});

test('power of roles: disabled ones count only as if they were enabled; names count where a guard asks for them', () => {
  const roles = [
    { code: 'chief', enabled: false, permissions: ['GET:/a'] },
    { code: 'reader', enabled: true, permissions: ['GET:/b'] },
  ];
  assert.deepEqual(privilegesOf(roles, catalogue, { asIfEnabled: false }), power(['GET:/b']));
  assert.deepEqual(privilegesOf(roles, catalogue, { asIfEnabled: true }), power(['GET:/a', 'GET:/b'], ['chief']));
});

test('what no route answers to is told', () => {
  const patterns = [
    '*',
    '*:/things/*',
    'GET:/old/{id}',
    'POST:/keys/rotate',
    'POST:/things',
    'GET:/thing',
    '*:/keys/*',
  ];
  assert.deepEqual(unmatched(patterns, catalogue), ['POST:/things', 'GET:/thing', '*:/keys/*']);
});

test('one code belongs to one route, for ever', () => {
  const twice = (config: object, url = '/twice') => {
    const own = createRouteCatalogue();
    const put = (path: string, more: object) =>
      own.add({ methods: ['GET'], url: path, summary, config: { access: 'permission', ...more } });
    put('/twice', { formerly: ['GET:/once'] });
    put(url, config);
  };
  assert.throws(() => twice({}), /Two routes have, or had, the code GET:\/twice/);
  assert.throws(() => twice({}, '/once'), /the code GET:\/once/);
  assert.throws(() => twice({ formerly: ['GET:/once'] }, '/other'), /the code GET:\/once/);
  assert.throws(() => twice({ formerly: ['GET:/twice'] }, '/other'), /the code GET:\/twice/);
  assert.doesNotThrow(() => twice({ formerly: ['GET:/before'] }, '/other'));
});

test('the catalogue: codes, former codes, real paths, roles of guards', () => {
  assert.deepEqual(
    catalogue.list().map(({ code }) => code),
    ['GET:/chiefs', 'POST:/keys/rotate', 'DELETE:/keys/{id}', 'GET:/models', 'GET:/things', 'GET:/things/{id}'],
  );
  assert.equal(catalogue.find('GET:/older/{id}')?.code, 'GET:/things/{id}');
  assert.equal(catalogue.match('GET', '/things/7')?.code, 'GET:/things/{id}');
  assert.equal(catalogue.match('GET', '/things/{id}')?.code, 'GET:/things/{id}');
  assert.equal(catalogue.match('GET', '/things/')?.code, undefined);
  assert.equal(catalogue.match('GET', '/things/7/8')?.code, undefined);
  assert.equal(catalogue.match('POST', '/things/7')?.code, undefined);
  assert.deepEqual([...catalogue.guardRoles()].sort(), ['chief', 'model_manager']);
});

test('a scope only ever takes away: what is held within it is what is held, and what the scope alone would give', () => {
  const patterns = fc.constantFrom(
    '*',
    '*:/*',
    '*:/things/*',
    'GET:/things',
    'GET:/things/{id}',
    'GET:/old/{id}',
    'GET:/*',
    'POST:/keys/rotate',
    'POST:/keys/*',
    'DELETE:/former-keys/{id}',
    'GET:/tomorrow',
  );
  const roles = fc.subarray(['chief', 'model_manager']);
  const anyPrivileges = fc.record({ permissions: fc.array(patterns, { maxLength: 4 }), guardRoles: roles });
  const scopes = fc
    .tuple(fc.array(patterns, { maxLength: 4 }), roles)
    .map(([codes, named]) => [...codes, ...named.map(roleScope)]);
  const holder = fc.oneof(
    anyPrivileges.map(({ permissions, guardRoles }) => power(permissions, guardRoles)),
    fc.constant(SUPERADMIN_PRIVILEGES),
  );
  const seen = { true: 0, false: 0 };
  fc.assert(
    fc.property(holder, scopes, fc.array(patterns, { maxLength: 2 }), roles, (held, within, more, named) => {
      const wanted = power(more, named);
      const scoped = holdsAll({ ...held, scopes: within }, wanted, catalogue);
      const both =
        holdsAll(held, wanted, catalogue) && holdsAll({ ...SUPERADMIN_PRIVILEGES, scopes: within }, wanted, catalogue);
      assert.equal(scoped, both);
      // Narrower scopes never hold more.
      if (holdsAll({ ...held, scopes: within.slice(1) }, wanted, catalogue)) assert.ok(scoped);
      // Scopes are a limit, however wide they are.
      assert.equal(holdsAll({ ...held, scopes: within }, SUPERADMIN_PRIVILEGES, catalogue), false);
      seen[`${scoped}`]++;
    }),
    { seed: 11, numRuns: 3000 },
  );
  assert.ok(seen.true > 100 && seen.false > 100, JSON.stringify(seen));
});
