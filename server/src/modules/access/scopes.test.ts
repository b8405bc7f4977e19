import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Actor, Assurance } from '../../platform/http/caller.ts';
import { createRouteCatalogue } from '../../platform/http/catalogue.ts';
import { createGrants } from './grants.ts';
import { levelDemandedBy, levelOf } from './names.ts';
import { covers } from './permission-pattern.ts';
import { holdsAll, privilegesOf, SUPERADMIN_PRIVILEGES } from './privileges.ts';
import type { RoleRecord, RoleStore } from './role-store.ts';
import { createScopes, privilegesOfScopes } from './scopes.ts';
import type { Superadmins } from './superadmins.ts';

const catalogue = createRouteCatalogue();
const ROUTES = [
  ['GET', '/a'],
  ['POST', '/a'],
  ['GET', '/a/:id'],
  ['DELETE', '/a/:id'],
  ['GET', '/a/:id/b'],
  ['GET', '/b'],
  ['PUT', '/b/:id'],
] as const;
for (const [method, url] of ROUTES)
  catalogue.add({ methods: [method], url, summary: null, config: { access: 'permission' } });
catalogue.add({ methods: ['POST'], url: '/secret', summary: null, config: { access: 'permission', sensitive: true } });
catalogue.add({ methods: ['GET'], url: '/mine', summary: null, config: { access: 'signedIn' } });
catalogue.add({ methods: ['GET'], url: '/chiefs', summary: null, config: { access: { anyRole: ['chief', 'cook'] } } });
const rules = createScopes({ catalogue });
const CODES = catalogue.list().flatMap(({ code, access }) => (access === 'permission' ? code : []));

const pattern = fc.constantFrom(
  ...CODES,
  ...['*', '*:/*', 'GET:/*', 'GET:/a/*', '*:/a', '*:/a/*', '*:/a/*/b', 'GET:/*/{id}', 'POST:/*', '*:/b/*', 'PUT:/b/*'],
);
const roleCode = fc.constantFrom('chief', 'cook', 'guest');
const patterns = fc.uniqueArray(pattern, { maxLength: 4 });
const scope = fc.oneof(
  { weight: 5, arbitrary: pattern },
  { weight: 1, arbitrary: roleCode.map((code) => `role:${code}`) },
);
const scopes = fc.uniqueArray(scope, { minLength: 1, maxLength: 4 });
const demand = fc.constantFrom('off' as const, 'required' as const, 'phishing_resistant' as const);
const role = fc.record({
  code: roleCode,
  permissions: patterns,
  enabled: fc.boolean(),
  mfa: demand,
  trustDevices: fc.boolean(),
});
const roles = fc.uniqueArray(role, { selector: ({ code }) => code, maxLength: 3 });
type Sure = Omit<Assurance, 'authTime'>;
const assurance = fc.constantFrom<Sure>(
  { aal: 1, phishingResistant: false, methods: [] },
  { aal: 1, phishingResistant: false, methods: ['trusted_device'] },
  { aal: 2, phishingResistant: false, methods: [] },
  { aal: 2, phishingResistant: true, methods: [] },
);

function roleRecords(
  given: Pick<RoleRecord, 'code' | 'permissions' | 'enabled' | 'mfa' | 'trustDevices'>[],
): RoleRecord[] {
  return given.map((role) => ({ ...role, id: role.code }) as unknown as RoleRecord);
}

async function grantsOf(all: RoleRecord[], isSuperadmin: boolean) {
  const store = { list: async () => all } as unknown as RoleStore;
  const superadmins = { has: async () => isSuperadmin, peek: () => isSuperadmin } as unknown as Superadmins;
  return createGrants({ store, superadmins, catalogue });
}

const actorWith = (roleIds: string[], limit: readonly string[] | null, sure: Sure): Actor =>
  ({ subject: { kind: 'person', id: 'x' }, roleIds, scopes: limit, assurance: sure }) as unknown as Actor;

test('no key is granted what its scopes or the roles of its person do not grant, and none of its children more than it', async () => {
  await fc.assert(
    fc.asyncProperty(
      roles,
      fc.boolean(),
      assurance,
      scopes,
      scopes,
      async (given, isSuperadmin, sure, parent, child) => {
        const all = roleRecords(given);
        const roleIds = all.map(({ id }) => id);
        const grants = await grantsOf(all, isSuperadmin);
        const may = async (limit: readonly string[] | null, code: string) =>
          (await grants.authorize(actorWith(roleIds, limit, sure), { permission: code }, {})) === 'granted';
        // Whoever has proved less than a role demands has nothing of it.
        const counting = all.filter((one) => levelDemandedBy(one) <= levelOf(sure));
        const held = isSuperadmin ? SUPERADMIN_PRIVILEGES : privilegesOf(counting, catalogue, { asIfEnabled: false });
        const isMade = holdsAll({ ...held, scopes: parent }, privilegesOfScopes(child), catalogue);
        for (const code of CODES) {
          const [byRoles, byParent] = [await may(null, code), await may(parent, code)];
          const isNamed = parent.some((each) => !each.startsWith('role:') && covers(each, code));
          assert.ok(!byParent || (byRoles && isNamed), code);
          if (code === 'POST:/secret') assert.ok(!byParent || parent.includes('*') || parent.includes(code));
          // Whoever calls with the parent cannot make a child that may more, whatever roles the child's account has.
          if (isMade && (await may(child, code))) assert.ok(byParent, `${code} by a child`);
        }
        const chiefs = { anyRole: ['chief', 'cook'] };
        const isChief = (await grants.authorize(actorWith(roleIds, parent, sure), chiefs, {})) === 'granted';
        const both = ['chief', 'cook'].some(
          (code) =>
            parent.includes(`role:${code}`) &&
            (isSuperadmin || counting.some((role) => role.code === code && role.enabled)),
        );
        assert.equal(isChief, both);
      },
    ),
    { numRuns: 1500, seed: 20261130 },
  );
});

test('what a key is narrowed to opens nothing that it did not open', () => {
  fc.assert(
    fc.property(scopes, scopes, (outer, inner) => {
      if (!rules.covers(outer, inner)) return;
      const opens = (limit: readonly string[], code: string) =>
        limit.some(
          (each) =>
            !each.startsWith('role:') &&
            (each === '*' || each === code || (code !== 'POST:/secret' && covers(each, code))),
        );
      for (const code of CODES) assert.ok(!opens(inner, code) || opens(outer, code), code);
      for (const each of inner) if (each.startsWith('role:')) assert.ok(outer.includes(each));
    }),
    { numRuns: 3000, seed: 20261130 },
  );
});

test('scopes that open nothing are named; wide is what has a star', () => {
  assert.deepEqual(rules.unknown(['GET:/a', '*', 'GET:/a/*', 'role:chief']), []);
  const unknown = ['GET:/nowhere', 'GET:/mine', 'GET:/secret', '*:/secret', 'role:guest', 'role:'];
  assert.deepEqual(rules.unknown(['GET:/a', ...unknown]), unknown);
  assert.equal(rules.isWide(['GET:/a', 'role:chief']), false);
  for (const wide of ['*', 'GET:/a/*', '*:/a']) assert.equal(rules.isWide(['GET:/a', wide]), true);
});
