import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { admin, holder, idOf, membersOf, readRole, readUser } from './administration.ts';
import { ok, tokenIn } from './client.ts';
import { testDatabases } from './databases.ts';
import { createWorld, giveRoles, member, newRole, type World } from './matrix/world.ts';
import { atOnce, openScene, type Problem, refused, type Scene, somebody, tally } from './scenario.ts';

const CALLERS = 50;
/** `admin-races.long.test.ts` takes more. */
const ROUNDS = Number(process.env.RACE_ROUNDS || 5);
/** Turns of the event loop by which two who race are apart at most, in the last round. */
const FARTHEST = 80;
type Answer = ReturnType<Scene['client']['send']>;

/** Whoever is turned away because the server is busy comes back, so that every caller has raced in the end. */
async function insist(call: () => Answer): Promise<Awaited<Answer>> {
  for (;;) {
    const answer = await call();
    if (answer.statusCode !== 503 || answer.json<Problem>().code !== 'overloaded') return answer;
    await pause(20);
  }
}
const race = (call: (index: number) => Answer) => atOnce(CALLERS, (index) => insist(() => call(index)));

for (const { name, freshUrl } of testDatabases()) {
  describe(`one of many wins (${name})`, () => {
    let w: World;
    before(async () => {
      w = await createWorld(await openScene({ freshUrl }));
    });
    after(() => w.close());

    test('users of one address: one is made', async () => {
      const { email } = somebody();
      const answers = await race((index) =>
        admin(w, 'POST', '/users', { email: index % 2 === 0 ? email : email.toUpperCase(), username: `racer${index}` }),
      );
      assert.deepEqual(tally(answers), { '201': 1, '409 email_taken': CALLERS - 1 });
    });

    test('roles of one code: one is made; renamed to one code: one is', async () => {
      const made = await race(() => admin(w, 'POST', '/roles', { code: 'wanted', name: 'Wanted' }));
      assert.deepEqual(tally(made), { '201': 1, '409 role_code_taken': CALLERS - 1 });
      const ids = await atOnce(8, (index) => newRole(w, { code: `before_${index}` }));
      const renamed = await atOnce(8, (index) =>
        insist(() => admin(w, 'PATCH', `/roles/${ids[index]}`, { code: 'wanted_too' })),
      );
      assert.deepEqual(tally(renamed), { '200': 1, '409 role_code_taken': 7 });
    });

    test('one role deleted by all: gone once, and for everybody who had it', async () => {
      const { roleId, token, userId } = await holder(w, ['GET:/api/v1/admin/routes']);
      const answers = await race(() => admin(w, 'DELETE', `/roles/${roleId}`));
      assert.deepEqual(tally(answers), { '204': 1, '404 role_not_found': CALLERS - 1 });
      refused(await admin(w, 'GET', '/routes', undefined, token), 403, 'forbidden');
      assert.deepEqual((await readUser(w, userId)).roles, []);
    });

    test('an invitation accepted by all: one is in', async () => {
      const { email } = somebody();
      const { id } = ok<{ id: string }>(await admin(w, 'POST', '/users', { email }), 201);
      const token = tokenIn((await w.mailsTo(email))[0]?.text);
      const answers = await race((index) => {
        const body = { token, password: `number ${index} is the one`, tokenTransport: 'body' };
        return w.client.send('POST', '/auth/accept-invitation', { body });
      });
      assert.deepEqual(tally(answers), { '200': 1, '400 token_invalid': CALLERS - 1 });
      const winner = answers.findIndex(({ statusCode }) => statusCode === 200);
      assert.equal((await w.client.login({ email, password: `number ${winner} is the one` })).user.id, id);
    });

    test('different fields of one user and of one role, changed at once: none is lost', async () => {
      const { userId } = await member(w);
      const bodies = [{ fullName: 'Changed' }, { phone: '+41441234567' }, { locale: 'de-CH' }, { profilePublic: true }];
      const changed = await atOnce(bodies.length, (index) =>
        insist(() => admin(w, 'PATCH', `/users/${userId}`, bodies[index])),
      );
      assert.deepEqual(tally(changed), { '200': bodies.length });
      const { fullName, phone, locale, profilePublic } = await readUser(w, userId);
      assert.deepEqual([fullName, phone, locale, profilePublic], ['Changed', '+41441234567', 'de-CH', true]);
      const id = await newRole(w, {});
      const fields = [{ name: 'Changed' }, { permissions: ['*'] }, { enabled: false }, { description: 'Changed, too' }];
      const patched = await atOnce(fields.length, (index) =>
        insist(() => admin(w, 'PATCH', `/roles/${id}`, fields[index])),
      );
      assert.deepEqual(tally(patched), { '200': fields.length });
      const role = await readRole(w, id);
      assert.deepEqual(
        [role.name, role.permissions, role.enabled, role.description],
        ['Changed', ['*'], false, 'Changed, too'],
      );
    });
  });

  describe(`superadmins under races (${name})`, () => {
    let w: World;
    before(async () => {
      w = await createWorld(await openScene({ freshUrl }));
    });
    after(() => w.close());

    test(`parity 7: two who demote each other at once leave exactly one, ${ROUNDS} times`, async () => {
      const one = { userId: await idOf(w), token: w.root };
      const two = await member(w, ['superadmin']);
      for (let round = 0; round < ROUNDS; round++) {
        const demote = (by: { token: string }, whom: { userId: string }) =>
          insist(() => admin(w, 'PUT', `/users/${whom.userId}/roles`, { roles: ['user'] }, by.token));
        const answers = await Promise.all([demote(one, two), demote(two, one), demote(one, two), demote(two, one)]);
        assert.ok(
          answers.every(({ statusCode }) => [200, 403, 409].includes(statusCode)),
          JSON.stringify(tally(answers)),
        );
        const { superadmins } = w.app.storage;
        const left = (await superadmins.read()).userIds;
        assert.equal(left.length, 1, JSON.stringify(tally(answers)));
        const [winner, loser] = left[0] === one.userId ? [one, two] : [two, one];
        assert.deepEqual(await membersOf(w, 'superadmin', winner.token), left);
        refused(await admin(w, 'GET', '/users', undefined, loser.token), 403, 'forbidden');
        ok(await admin(w, 'PUT', `/users/${loser.userId}/roles`, { roles: ['superadmin'] }, winner.token), 200);
      }
    });

    const ENDS = {
      deactivate: ['POST', '/deactivate'],
      delete: ['DELETE', ''],
      erase: ['DELETE', '?erase=true'],
    } as const;
    for (const [what, [method, tail]] of Object.entries(ENDS)) {
      test(`parity 7: ${what} meets a grant of superadmin: never one who is not active, ${ROUNDS} times`, async (t) => {
        const others = (await w.app.storage.superadmins.read()).userIds;
        const seen = new Set<string>();
        for (let round = 0; round < ROUNDS; round++) {
          const { userId } = await member(w);
          const path = `/users/${userId}`;
          const grant = () => admin(w, 'PUT', `${path}/roles`, { roles: ['superadmin'] });
          const end = () => admin(w, method, path + tail);
          const answers = await atOnce(8, async (index) => {
            // Ends come later by more each round, so that they meet the grants at another step, and either side wins some.
            for (let turn = 0; index % 2 === 1 && turn < (round * FARTHEST) / ROUNDS; turn++) await nextTurn();
            return insist(index % 2 === 0 ? grant : end);
          });
          const counts = JSON.stringify(tally(answers));
          assert.ok(
            answers.every(({ statusCode }) => statusCode < 500),
            counts,
          );
          const user = await w.app.storage.users.find(userId);
          const { userIds } = await w.app.storage.superadmins.read();
          if (userIds.includes(userId)) {
            assert.equal(user?.status, 'active', counts);
            seen.add('granted');
            ok(await admin(w, 'PUT', `${path}/roles`, { roles: [] }), 200);
          } else {
            assert.notEqual(user?.status, 'active', counts);
            seen.add('ended');
          }
          assert.deepEqual((await w.app.storage.superadmins.read()).userIds, others);
        }
        t.diagnostic(`${name}, ${what}: ${[...seen].join(' and ')}`);
      });
    }

    test(`parity 7: one who deletes their own account while they are granted superadmin, ${ROUNDS} times`, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const { userId, token } = await member(w);
        const answers = await atOnce(6, (index) =>
          insist(() =>
            index % 2 === 0
              ? admin(w, 'PUT', `/users/${userId}/roles`, { roles: ['superadmin'] })
              : w.client.send('DELETE', '/users/me', { token }),
          ),
        );
        const counts = JSON.stringify(tally(answers));
        assert.ok(
          answers.every(({ statusCode }) => statusCode < 500),
          counts,
        );
        const user = await w.app.storage.users.find(userId);
        const isSuperadmin = (await w.app.storage.superadmins.read()).userIds.includes(userId);
        assert.equal(isSuperadmin, user?.status === 'active', counts);
        if (isSuperadmin) ok(await admin(w, 'PUT', `/users/${userId}/roles`, { roles: [] }), 200);
      }
    });

    test('parity 7: whoever has lost a role gives it to nobody', async () => {
      for (let round = 0; round < 5; round++) {
        const giver = await holder(w, ['PUT:/api/v1/admin/users/{id}/roles', 'GET:/api/v1/admin/events']);
        const friends = await Promise.all([member(w), member(w)]);
        await giveRoles(w, giver.userId, []);
        const answers = await atOnce(friends.length, (index) =>
          admin(w, 'PUT', `/users/${friends[index]?.userId}/roles`, { roles: [giver.roleId] }, giver.token),
        );
        assert.deepEqual(tally(answers), { '403 forbidden': friends.length });
      }
    });
  });
}
