import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  LATER,
  makeBareEvent,
  makeBareUser,
  makeEvent,
  makeUnwritableEvent,
  makeUser,
  NOW,
} from '../../../test/fixtures.ts';
import { assertHistory, describeStore, itRaces, type Open, race, theWinner } from '../../../test/store-contract.ts';
import { at, endSessions, insertUser, USER_VERBS, userTarget } from '../../../test/user-verbs.ts';
import type { UserRecord } from './user-store.ts';

/** Every adapter of the user store keeps this: changes that carry an event. */
export function userChangesContract(open: Open): void {
  describeStore('UserStore: changes', open, (opened) => {
    const users = () => opened().storage.users;
    const insert = (user: UserRecord) => insertUser(opened(), user);

    for (const [name, verb] of Object.entries(USER_VERBS)) {
      it(`${name}: changes what it should and nothing else, with its event`, async () => {
        const { user, began } = await insert(makeUser());
        const { act, sets } = verb();
        const event = makeEvent(userTarget(user));
        assert.equal(await act(users(), at(user), event), 'ok');
        assert.deepEqual(await users().find(user.id), { ...user, ...sets, updatedAt: LATER, version: 2 });
        await assertHistory(opened(), userTarget(user), [began, event]);
      });

      it(`${name}: works on a user who has nothing`, async () => {
        const { user } = await insert(makeBareUser());
        const { act, sets } = verb();
        assert.equal(await act(users(), at(user), makeBareEvent(userTarget(user))), 'ok');
        assert.deepEqual(await users().find(user.id), { ...user, ...sets, updatedAt: LATER, version: 2 });
      });

      it(`${name}: loses on a version that has passed, or is still to come`, async () => {
        const { user, began } = await insert(makeUser());
        const change = makeEvent(userTarget(user));
        assert.equal(await endSessions().act(users(), at(user), change), 'ok');
        const present = await users().find(user.id);
        for (const version of [user.version, 0, 3]) {
          const late = { ...at(user), version };
          assert.equal(await verb().act(users(), late, makeEvent(userTarget(user))), 'lost');
        }
        assert.deepEqual(await users().find(user.id), present);
        await assertHistory(opened(), userTarget(user), [began, change]);
      });

      it(`${name}: loses where there is nobody`, async () => {
        const nobody = makeUser();
        assert.equal(await verb().act(users(), at(nobody), makeEvent(userTarget(nobody))), 'lost');
        assert.equal(await users().find(nobody.id), null);
        await assertHistory(opened(), userTarget(nobody), []);
      });

      it(`${name}: does nothing when its event cannot be written`, async () => {
        const { user, began } = await insert(makeUser());
        await assert.rejects(verb().act(users(), at(user), makeUnwritableEvent(userTarget(user))));
        assert.deepEqual(await users().find(user.id), user);
        await assertHistory(opened(), userTarget(user), [began]);
      });

      itRaces(`${name}: one of 50 on one version`, async () => {
        const { user, began } = await insert(makeUser());
        const enter = () => ({ event: makeEvent(userTarget(user)), verb: verb() });
        const result = await race(enter, (entry) => entry.verb.act(users(), at(user), entry.event));
        const winner = theWinner(result, 'ok', 'lost');
        const expected = { ...user, ...winner.verb.sets, updatedAt: LATER, version: 2 };
        assert.deepEqual(await users().find(user.id), expected);
        await assertHistory(opened(), userTarget(user), [began, winner.event]);
      });
    }

    itRaces('one of 50 different verbs on one version', async () => {
      const { user, began } = await insert(makeUser());
      const verbs = Object.values(USER_VERBS);
      const enter = (caller: number) => {
        const verb = verbs[caller % verbs.length] ?? assert.fail();
        return { event: makeEvent(userTarget(user)), act: verb().act };
      };
      const result = await race(enter, ({ act, event }) => act(users(), at(user), event));
      await assertHistory(opened(), userTarget(user), [began, theWinner(result, 'ok', 'lost').event]);
    });

    it('no change touches anybody who differs only by id and names', async () => {
      const { user } = await insert(makeUser({ lastLoginAt: null }));
      const { email, emailNorm, username, usernameKey, externalId, id } = makeUser();
      const names = { id, email, emailNorm, username, usernameKey, externalId };
      const { user: bystander } = await insert({ ...user, ...names });
      const hash = user.passwordHash ?? assert.fail();
      assert.equal(await users().upgradeHash(user.id, hash, hash), true);
      assert.equal(await users().countEmailTry(user.id, user.emailChange?.id ?? '', 5, NOW), true);
      await users().noteLogin(user.id, NOW);
      let version = user.version;
      for (const verb of Object.values(USER_VERBS)) {
        const event = makeEvent(userTarget(user));
        assert.equal(await verb().act(users(), at({ id: user.id, version }), event), 'ok');
        version += 1;
      }
      assert.deepEqual(await users().find(bystander.id), bystander);
    });

    it('carries the version from change to change, and seq with it', async () => {
      const { user, began } = await insert(makeUser());
      const events = [began];
      for (const [i, verb] of [...Object.values(USER_VERBS), ...Object.values(USER_VERBS)].entries()) {
        const event = makeEvent(userTarget(user));
        assert.equal(await verb().act(users(), at({ ...user, version: i + 1 }), event), 'ok');
        events.push(event);
      }
      await assertHistory(opened(), userTarget(user), events);
      assert.equal((await users().find(user.id))?.version, events.length);
    });
  });
}
