import assert from 'node:assert/strict';
import { after as afterAll, before, describe, test } from 'node:test';
import type { RoleRecord } from '../src/modules/access/role-store.ts';
import { createEvents } from '../src/modules/events/events.ts';
import { createMfaPolicies } from '../src/modules/mfa/policy.ts';
import { after, DAY } from '../src/platform/clock.ts';
import type { Config } from '../src/platform/config/config.ts';
import { makeId, makeRole } from './fixtures.ts';
import { openScene, type Scene } from './scenario.ts';

let s: Scene;
before(async () => {
  s = await openScene();
});
afterAll(() => s.close());

type Mfa = RoleRecord['mfa'];
const MFAS: Mfa[] = ['off', 'required', 'phishing_resistant'];
const BOOLEANS = [false, true];
const GRACE = 7 * DAY;
const HELD = {
  nothing: { twoFactors: false, phishingResistant: false },
  app: { twoFactors: true, phishingResistant: false },
  passkey: { twoFactors: true, phishingResistant: true },
};

/** Policies of these settings, for people whose roles are chosen by `given`. */
function policiesOf(settings: Partial<Config['mfa']> = {}) {
  const given = new Map<string, RoleRecord[]>();
  const events = createEvents({ clock: () => s.time.now });
  const policies = createMfaPolicies({
    demands: s.app.storage.mfaDemands,
    rolesOf: async ({ id }) => given.get(id) ?? [],
    users: s.app.storage.users,
    config: { mfa: { ...s.config.mfa, ...settings } },
    events,
    clock: () => s.time.now,
  });
  const newPerson = (...roles: Partial<RoleRecord>[]) => {
    const user = { id: makeId(), roleIds: [] };
    given.set(user.id, roles.map(makeRole));
    return user;
  };
  return { ...policies, newPerson, given, events };
}

/** A second set of rules, the naive one. */
function expected(required: string, roles: readonly RoleRecord[], held: (typeof HELD)[keyof typeof HELD]) {
  const counting = roles.filter((role) => role.enabled && role.mfa !== 'off');
  const asked: Mfa[] = [];
  if (required === 'all') asked.push('required');
  if (required !== 'none') for (const role of counting) asked.push(role.mfa);
  let mfa: Mfa = 'off';
  if (asked.includes('required')) mfa = 'required';
  if (asked.includes('phishing_resistant')) mfa = 'phishing_resistant';
  let isMissing = false;
  if (asked.includes('required') && !held.twoFactors) isMissing = true;
  if (asked.includes('phishing_resistant') && !held.phishingResistant) isMissing = true;
  return {
    mfa,
    graceUntil: isMissing ? after(s.time.now, GRACE) : null,
    trustDevices: !counting.some((role) => !role.trustDevices || role.mfa === 'phishing_resistant'),
    selfRecovery: counting.length === 0,
    count: asked.length,
  };
}

test('the truth table of settings, two roles and factors', async () => {
  let rows = 0;
  for (const required of ['none', 'roles', 'all'] as const) {
    const { policyOf, newPerson, given } = policiesOf({ required });
    for (const one of MFAS) {
      for (const other of MFAS) {
        for (const [enabled, trustDevices] of BOOLEANS.flatMap((a) => BOOLEANS.map((b) => [a, b] as const))) {
          for (const [name, held] of Object.entries(HELD)) {
            const user = newPerson({ mfa: one, trustDevices }, { mfa: other, enabled, trustDevices: true });
            const { requiredBy, ...policy } = await policyOf(user, held);
            const { count, ...wanted } = expected(required, given.get(user.id) ?? [], held);
            assert.deepEqual(policy, wanted, `${required} ${one} ${other} ${enabled} ${trustDevices} ${name}`);
            assert.equal(requiredBy.length, count);
            rows += 1;
          }
        }
      }
    }
  }
  assert.equal(rows, 324);
});

describe('the time of grace', () => {
  test('begins with the first look, is prolonged by no other, and ends', async () => {
    const { policyOf, newPerson } = policiesOf();
    const user = newPerson({ mfa: 'required' });
    const until = after(s.time.now, GRACE);
    for (let days = 0; days < 7; days++) {
      assert.deepEqual((await policyOf(user, HELD.nothing)).graceUntil, until);
      s.time.forward(DAY);
    }
    assert.equal((await policyOf(user, HELD.nothing)).graceUntil, null);
    assert.equal((await policyOf(user, HELD.nothing)).mfa, 'required');
  });

  test('a further role prolongs nothing; a stricter one gives its own to who meets the other', async () => {
    const { policyOf, newPerson, given } = policiesOf();
    const user = newPerson({ mfa: 'required' });
    const began = s.time.now;
    await policyOf(user, HELD.nothing);
    s.time.forward(3 * DAY);
    given.get(user.id)?.push(makeRole({ mfa: 'required' }));
    assert.deepEqual((await policyOf(user, HELD.nothing)).graceUntil, after(began, GRACE));
    s.time.forward(30 * DAY);
    assert.equal((await policyOf(user, HELD.nothing)).graceUntil, null);
    given.get(user.id)?.push(makeRole({ mfa: 'phishing_resistant' }));
    assert.deepEqual((await policyOf(user, HELD.app)).graceUntil, after(s.time.now, GRACE));
    assert.equal((await policyOf(user, HELD.nothing)).graceUntil, null);
  });

  test('a demand that was taken back and is made again gives it again', async () => {
    const { policyOf, newPerson, given, events } = policiesOf();
    const user = newPerson({ mfa: 'required' });
    const [role = assert.fail()] = given.get(user.id) ?? [];
    await policyOf(user, HELD.nothing);
    s.time.forward(30 * DAY);
    assert.equal((await policyOf(user, HELD.nothing)).graceUntil, null);
    const data = { before: { mfa: 'required' }, after: { mfa: 'off' } };
    const [handler = assert.fail()] = events.handlersOf('role.changed').filter(({ name }) => name === 'mfa-grace');
    await handler.handle({ target: `role:${role.id}`, data } as unknown as Parameters<typeof handler.handle>[0]);
    assert.deepEqual((await policyOf(user, HELD.nothing)).graceUntil, after(s.time.now, GRACE));
  });

  test('nobody has any after a reset of their factors, or with MFA_GRACE=0', async () => {
    const { policyOf, endGrace, newPerson } = policiesOf();
    const user = newPerson({ mfa: 'required' });
    await endGrace(user);
    await endGrace(user);
    assert.equal((await policyOf(user, HELD.nothing)).graceUntil, null);
    const begun = newPerson({ mfa: 'required' });
    await policyOf(begun, HELD.nothing);
    await endGrace(begun);
    assert.equal((await policyOf(begun, HELD.nothing)).graceUntil, null);
    const none = policiesOf({ grace: 0 });
    assert.equal((await none.policyOf(none.newPerson({ mfa: 'required' }), HELD.nothing)).graceUntil, null);
  });
});

test('MFA_TRUST_TTL=0 trusts nothing, MFA_SELF_RECOVERY=off lets nobody', async () => {
  const { policyOf, newPerson } = policiesOf({ trustTtl: 0, selfRecovery: 'off' });
  const { trustDevices, selfRecovery } = await policyOf(newPerson(), HELD.nothing);
  assert.deepEqual([trustDevices, selfRecovery], [false, false]);
});
