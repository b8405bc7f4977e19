import assert from 'node:assert/strict';
import { it } from 'node:test';
import { HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import { LATER, makeEvent, makeUser, nextNumber } from '../../../test/fixtures.ts';
import { assertHistory, describeStore, itRaces, type Open, race, theWinner } from '../../../test/store-contract.ts';
import { at, insertUser, newAddress, takeEmail, userTarget } from '../../../test/user-verbs.ts';
import type { UserRecord } from './user-store.ts';

/** Every adapter of the user store keeps this: changes of what must be unique, and of the profile. */
export function userNamesContract(open: Open): void {
  describeStore('UserStore: names and profiles', open, (opened) => {
    const users = () => opened().storage.users;
    const insert = (user: UserRecord) => insertUser(opened(), user);

    itRaces('takeEmail: one of 50 people takes one address', async () => {
      const wanted = newAddress();
      const people = await Promise.all(Array.from({ length: 50 }, () => insert(makeUser())));
      const enter = (caller: number) => {
        const person = people[caller] ?? assert.fail();
        return { ...person, event: makeEvent(userTarget(person.user)) };
      };
      const result = await race(enter, ({ user, event }) => users().takeEmail(at(user), wanted, event));
      const winner = theWinner(result, 'ok', 'email_taken');
      assert.equal((await users().findByEmail(wanted.emailNorm))?.id, winner.user.id);
      await assertHistory(opened(), userTarget(winner.user), [winner.began, winner.event]);
      const loser = result.all.find(({ entry }) => entry !== winner)?.entry ?? assert.fail();
      assert.deepEqual(await users().find(loser.user.id), loser.user);
      await assertHistory(opened(), userTarget(loser.user), [loser.began]);
    });

    itRaces('patchProfile: one of 50 people takes one username', async () => {
      const names = { username: `Wanted${nextNumber()}`, usernameKey: `wanted${nextNumber()}` };
      const people = await Promise.all(Array.from({ length: 50 }, () => insert(makeUser())));
      const enter = (caller: number) => people[caller]?.user ?? assert.fail();
      const result = await race(enter, (user) => users().patchProfile(at(user), names, makeEvent(userTarget(user))));
      const winner = theWinner(result, 'ok', 'username_taken');
      assert.equal((await users().findByUsernameKey(names.usernameKey))?.id, winner.id);
    });

    it('takeEmail: refuses an address that is in use, and the change keeps waiting', async () => {
      const [{ user: owner }, { user, began }] = [await insert(makeUser()), await insert(makeUser())];
      const taken = { email: 'Other@example.org', emailNorm: owner.emailNorm ?? '' };
      assert.equal(await users().takeEmail(at(user), taken, makeEvent(userTarget(user))), 'email_taken');
      assert.deepEqual(await users().find(user.id), user);
      await assertHistory(opened(), userTarget(user), [began]);
    });

    it('takeEmail: verifies the address that the user has', async () => {
      const { user } = await insert(makeUser({ emailVerified: false }));
      const own = { email: user.email ?? '', emailNorm: user.emailNorm ?? '' };
      assert.equal(await users().takeEmail(at(user), own, makeEvent(userTarget(user))), 'ok');
      assert.equal((await users().find(user.id))?.emailVerified, true);
    });

    it('takeEmail: sets the former address free', async () => {
      const { user } = await insert(makeUser());
      assert.equal(await takeEmail().act(users(), at(user), makeEvent(userTarget(user))), 'ok');
      assert.equal(await users().findByEmail(user.emailNorm ?? ''), null);
      await insert(makeUser({ emailNorm: user.emailNorm }));
    });

    it('patchProfile: leaves alone what is not named', async () => {
      const { user } = await insert(makeUser());
      assert.equal(await users().patchProfile(at(user), { phone: '+12025550123' }, makeEvent(userTarget(user))), 'ok');
      const expected = { ...user, phone: '+12025550123', updatedAt: LATER, version: 2 };
      assert.deepEqual(await users().find(user.id), expected);
    });

    it('patchProfile: an empty patch is a change as well', async () => {
      const { user, began } = await insert(makeUser());
      const event = makeEvent(userTarget(user));
      assert.equal(await users().patchProfile(at(user), {}, event), 'ok');
      assert.deepEqual(await users().find(user.id), { ...user, updatedAt: LATER, version: 2 });
      await assertHistory(opened(), userTarget(user), [began, event]);
    });

    it('patchProfile: replaces the profile as a whole, and keeps every text in it', async () => {
      const { user } = await insert(makeUser());
      let version = user.version;
      for (const text of HOSTILE_TEXTS) {
        const patch = { fullName: text, profile: { bio: text } };
        assert.equal(await users().patchProfile(at({ ...user, version }), patch, makeEvent(userTarget(user))), 'ok');
        version += 1;
        assert.deepEqual(await users().find(user.id), { ...user, ...patch, updatedAt: LATER, version });
      }
      assert.equal(
        await users().patchProfile(at({ ...user, version }), { profile: {} }, makeEvent(userTarget(user))),
        'ok',
      );
      assert.deepEqual((await users().find(user.id))?.profile, {});
    });

    it('patchProfile: refuses a username that is in use, and gives up one', async () => {
      const [{ user: owner }, { user, began }] = [await insert(makeUser()), await insert(makeUser())];
      const { username, usernameKey } = owner;
      const refused = { username, usernameKey, fullName: 'Somebody Else' };
      assert.equal(await users().patchProfile(at(user), refused, makeEvent(userTarget(user))), 'username_taken');
      assert.deepEqual(await users().find(user.id), user);
      await assertHistory(opened(), userTarget(user), [began]);

      const nameless = { username: null, usernameKey: null };
      assert.equal(await users().patchProfile(at(owner), nameless, makeEvent(userTarget(owner))), 'ok');
      assert.equal(await users().patchProfile(at(user), refused, makeEvent(userTarget(user))), 'ok');
      assert.equal((await users().findByUsernameKey(usernameKey ?? ''))?.id, user.id);
    });

    it('patchProfile: takes the username that the user has', async () => {
      const { user } = await insert(makeUser());
      const same = { username: user.usernameKey, usernameKey: user.usernameKey };
      assert.equal(await users().patchProfile(at(user), same, makeEvent(userTarget(user))), 'ok');
      assert.equal((await users().find(user.id))?.username, user.usernameKey);
    });
  });
}
