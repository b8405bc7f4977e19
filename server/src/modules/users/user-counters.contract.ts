import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LATER, makeBareUser, makeEvent, makeHash, makeId, makeUser, NOW } from '../../../test/fixtures.ts';
import { assertHistory, describeStore, itRaces, type Open, race, theWinner } from '../../../test/store-contract.ts';
import { at, insertUser, takeEmail, userTarget } from '../../../test/user-verbs.ts';
import { after } from '../../platform/clock.ts';
import type { UserRecord } from './user-store.ts';

/** Every adapter of the user store keeps this: what changes without an event. */
export function userCountersContract(open: Open): void {
  describeStore('UserStore: changes without an event', open, (opened) => {
    const users = () => opened().storage.users;
    const insert = (user: UserRecord) => insertUser(opened(), user);

    it('upgradeHash: only while the old one is there; no event, no version', async () => {
      const { user, began } = await insert(makeUser({ passwordHash: '$old$aBc' }));
      assert.equal(await users().upgradeHash(user.id, '$old$abc', '$new$1'), false);
      assert.equal(await users().upgradeHash(user.id, '$old$aBc ', '$new$1'), false);
      assert.equal(await users().upgradeHash(makeId(), '$old$aBc', '$new$1'), false);
      assert.equal(await users().upgradeHash(user.id, '$old$aBc', '$new$2'), true);
      assert.equal(await users().upgradeHash(user.id, '$old$aBc', '$new$3'), false);
      const found = (await users().find(user.id)) ?? assert.fail('the user is gone');
      assert.deepEqual({ ...found, updatedAt: user.updatedAt }, { ...user, passwordHash: '$new$2' });
      await assertHistory(opened(), userTarget(user), [began]);
    });

    it('upgradeHash: answers true also where the new hash is the old one', async () => {
      const { user } = await insert(makeUser({ passwordHash: '$same' }));
      assert.equal(await users().upgradeHash(user.id, '$same', '$same'), true);
    });

    itRaces('upgradeHash: one of 50 from one hash', async () => {
      const { user } = await insert(makeUser());
      const from = user.passwordHash ?? '';
      const result = await race(
        () => `$better$${makeHash()}`,
        (to) => users().upgradeHash(user.id, from, to),
      );
      assert.equal((await users().find(user.id))?.passwordHash, theWinner(result, true, false));
    });

    it('countEmailTry: counts up to the limit, and keeps version and history', async () => {
      const { user, began } = await insert(makeUser());
      const change = user.emailChange ?? assert.fail();
      const limit = 3;
      for (let i = 1; i <= limit; i++) {
        assert.equal(await users().countEmailTry(user.id, change.id, limit, NOW), true);
        assert.equal((await users().find(user.id))?.emailChange?.tries, i);
      }
      assert.equal(await users().countEmailTry(user.id, change.id, limit, NOW), false);
      const found = (await users().find(user.id)) ?? assert.fail('the user is gone');
      const expected = { ...user, emailChange: { ...change, tries: limit } };
      assert.deepEqual({ ...found, updatedAt: user.updatedAt }, expected);
      await assertHistory(opened(), userTarget(user), [began]);
    });

    it('countEmailTry: not for another challenge, an expired one, or none', async () => {
      const { user } = await insert(makeUser());
      const change = user.emailChange ?? assert.fail();
      assert.equal(await users().countEmailTry(user.id, makeId(), 5, NOW), false);
      assert.equal(await users().countEmailTry(makeId(), change.id, 5, NOW), false);
      assert.equal(await users().countEmailTry(user.id, change.id, 5, change.expiresAt), false);
      assert.equal(await users().countEmailTry(user.id, change.id, 5, after(change.expiresAt, 1)), false);
      assert.equal(await users().countEmailTry(user.id, change.id, 0, NOW), false);
      const { user: bare } = await insert(makeBareUser());
      assert.equal(await users().countEmailTry(bare.id, change.id, 5, NOW), false);
      assert.equal(await users().countEmailTry(user.id, change.id, 5, after(change.expiresAt, -1)), true);
    });

    it('countEmailTry: a try that is counted meanwhile does not stop the change', async () => {
      const { user } = await insert(makeUser());
      assert.equal(await users().countEmailTry(user.id, user.emailChange?.id ?? '', 5, NOW), true);
      assert.equal(await takeEmail().act(users(), at(user), makeEvent(userTarget(user))), 'ok');
      assert.equal(await users().countEmailTry(user.id, user.emailChange?.id ?? '', 5, NOW), false);
    });

    it('extendEmailChange: a try that is counted meanwhile stays counted', async () => {
      const { user, began } = await insert(makeUser());
      const change = user.emailChange ?? assert.fail();
      const { tries } = change;
      assert.equal(await users().countEmailTry(user.id, change.id, tries + 1, NOW), true);
      const event = makeEvent(userTarget(user));
      assert.equal(await users().extendEmailChange(at(user), LATER, event), 'ok');
      const extended = { ...change, expiresAt: LATER, tries: tries + 1 };
      const found = (await users().find(user.id)) ?? assert.fail('the user is gone');
      assert.deepEqual(found, { ...user, emailChange: extended, updatedAt: LATER, version: user.version + 1 });
      assert.equal(await users().extendEmailChange(at(user), NOW, makeEvent(userTarget(user))), 'lost');
      await assertHistory(opened(), userTarget(user), [began, event]);
    });

    itRaces('countEmailTry: 5 of 50', async () => {
      const { user } = await insert(makeUser());
      const challenge = user.emailChange?.id ?? '';
      const { tally } = await race(
        () => null,
        () => users().countEmailTry(user.id, challenge, 5, NOW),
      );
      assert.deepEqual(tally, { true: 5, false: 45 });
      assert.equal((await users().find(user.id))?.emailChange?.tries, 5);
    });

    it('noteLogin: moves forwards only; no event, no version', async () => {
      const { user, began } = await insert(makeUser({ lastLoginAt: null }));
      for (const [login, expected] of [
        [NOW, NOW],
        [LATER, LATER],
        [after(LATER, -1), LATER],
        [after(LATER, 1), after(LATER, 1)],
      ] as const) {
        await users().noteLogin(user.id, login);
        const found = (await users().find(user.id)) ?? assert.fail('the user is gone');
        assert.deepEqual({ ...found, updatedAt: user.updatedAt }, { ...user, lastLoginAt: expected });
      }
      await users().noteLogin(makeId(), NOW);
      await assertHistory(opened(), userTarget(user), [began]);
    });

    itRaces('noteLogin: the latest of 50 stays', async () => {
      const { user } = await insert(makeUser({ lastLoginAt: null }));
      await race(
        (caller) => after(NOW, (caller * 37) % 50),
        (login) => users().noteLogin(user.id, login),
      );
      assert.deepEqual((await users().find(user.id))?.lastLoginAt, after(NOW, 49));
    });
  });
}
