import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LATER, makeEvent, makeId, makeUser, NOW } from '../../../test/fixtures.ts';
import { assertHistory, describeStore, itRaces, type Open, race } from '../../../test/store-contract.ts';
import { at, erase, insertUser, userTarget } from '../../../test/user-verbs.ts';

/** Every adapter of the user store keeps this: what an erasure leaves, and its end. */
export function userTombstonesContract(open: Open): void {
  describeStore('UserStore: tombstones', open, (opened) => {
    const users = () => opened().storage.users;

    it('erase keeps the time of an earlier deletion', async () => {
      const { user } = await insertUser(opened(), makeUser({ status: 'deleted', deletedAt: NOW }));
      assert.equal(await erase().act(users(), at(user), makeEvent(userTarget(user))), 'ok');
      const { sets } = erase();
      const expected = { ...user, ...sets, deletedAt: NOW, updatedAt: LATER, version: 2 };
      assert.deepEqual(await users().find(user.id), expected);
    });

    it('erase sets the address and the name free', async () => {
      const { user } = await insertUser(opened(), makeUser());
      assert.equal(await erase().act(users(), at(user), makeEvent(userTarget(user))), 'ok');
      const { emailNorm, usernameKey } = user;
      await insertUser(opened(), makeUser({ emailNorm, usernameKey }));
    });

    it('remove takes a tombstone away, and nobody else', async () => {
      const { user } = await insertUser(opened(), makeUser({ status: 'deleted' }));
      await users().remove(user.id);
      assert.deepEqual(await users().find(user.id), user);
      assert.equal(await erase().act(users(), at(user), makeEvent(userTarget(user))), 'ok');
      await Promise.all(Array.from({ length: 5 }, () => users().remove(user.id)));
      assert.equal(await users().find(user.id), null);
      await users().remove(makeId());
    });

    itRaces('remove: 50 at once, and its events stay', async () => {
      const { user, began } = await insertUser(opened(), makeUser());
      const erased = makeEvent(userTarget(user));
      assert.equal(await erase().act(users(), at(user), erased), 'ok');
      await race(
        () => user.id,
        (id) => users().remove(id),
      );
      assert.equal(await users().find(user.id), null);
      await assertHistory(opened(), userTarget(user), [began, erased]);
    });
  });
}
