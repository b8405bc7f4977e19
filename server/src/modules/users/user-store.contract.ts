import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES, HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import {
  LATER,
  makeBareEvent,
  makeBareUser,
  makeEmailChange,
  makeEvent,
  makeId,
  makeUser,
  NOW,
  nextNumber,
} from '../../../test/fixtures.ts';
import { assertHistory, describeStore, itRaces, type Open, race, theWinner } from '../../../test/store-contract.ts';
import { at, insertUser, softDelete, userTarget } from '../../../test/user-verbs.ts';
import type { UserRecord } from './user-store.ts';

/** Every adapter of the user store keeps this: who is there, and who may come. */
export function userStoreContract(open: Open): void {
  describeStore('UserStore', open, (opened) => {
    const users = () => opened().storage.users;
    const insert = (user: UserRecord) => insertUser(opened(), user);

    it('gives back a full record as it was inserted, by id, e-mail and username', async () => {
      const { user, began } = await insert(makeUser());
      assert.deepEqual(await users().find(user.id), user);
      assert.deepEqual(await users().findByEmail(user.emailNorm ?? ''), user);
      assert.deepEqual(await users().findByUsernameKey(user.usernameKey ?? ''), user);
      await assertHistory(opened(), userTarget(user), [began]);
    });

    it('gives back nulls, false and empty lists as they were inserted', async () => {
      const user = makeBareUser();
      const event = makeBareEvent(userTarget(user), { pending: false, evicts: false });
      assert.equal(await users().insert(user, event), 'ok');
      assert.deepEqual(await users().find(user.id), user);
      await assertHistory(opened(), userTarget(user), [event]);
    });

    it('finds nobody where there is nobody', async () => {
      assert.equal(await users().find(makeId()), null);
      assert.equal(await users().findByEmail('nobody@example.org'), null);
      assert.equal(await users().findByUsernameKey('nobody'), null);
    });

    it('takes any number of users without e-mail and username, and finds none of them by nothing', async () => {
      for (let i = 0; i < 3; i++) await insert(makeBareUser());
      assert.equal(await users().findByEmail(''), null);
      assert.equal(await users().findByUsernameKey(''), null);
      assert.equal(await users().findByEmail('null'), null);
    });

    it('loses an insert whose id is used up, also with the same names', async () => {
      const { user, began } = await insert(makeUser());
      assert.equal(await users().insert(user, makeEvent(userTarget(user))), 'lost');
      assert.equal(await users().insert(makeUser({ id: user.id }), makeEvent(userTarget(user))), 'lost');
      assert.equal(await users().insert(makeBareUser({ id: user.id }), makeEvent(userTarget(user))), 'lost');
      assert.deepEqual(await users().find(user.id), user);
      await assertHistory(opened(), userTarget(user), [began]);
    });

    it('refuses an e-mail address that is in use', async () => {
      const { user: first } = await insert(makeUser());
      const second = makeUser({ emailNorm: first.emailNorm });
      assert.equal(await users().insert(second, makeEvent(userTarget(second))), 'email_taken');
      assert.equal(await users().find(second.id), null);
      await assertHistory(opened(), userTarget(second), []);
    });

    it('refuses a username that is in use', async () => {
      const { user: first } = await insert(makeUser());
      const second = makeUser({ usernameKey: first.usernameKey });
      assert.equal(await users().insert(second, makeEvent(userTarget(second))), 'username_taken');
      assert.equal(await users().find(second.id), null);
      await assertHistory(opened(), userTarget(second), []);
    });

    it('refuses both names of two people', async () => {
      const [{ user: one }, { user: two }] = [await insert(makeUser()), await insert(makeUser())];
      const third = makeUser({ emailNorm: one.emailNorm, usernameKey: two.usernameKey });
      const outcome = await users().insert(third, makeEvent(userTarget(third)));
      assert.ok(outcome === 'email_taken' || outcome === 'username_taken', outcome);
      assert.equal(await users().find(third.id), null);
    });

    it('compares only the canonical forms of names', async () => {
      const { user: first } = await insert(makeUser());
      await insert(makeUser({ email: first.email, username: first.username }));
    });

    it('keeps the names of a deleted user', async () => {
      const { user } = await insert(makeUser());
      assert.equal(await softDelete().act(users(), at(user), makeEvent(userTarget(user))), 'ok');
      const namesake = makeUser({ emailNorm: user.emailNorm });
      assert.equal(await users().insert(namesake, makeEvent(userTarget(namesake))), 'email_taken');
    });

    it('tells names apart by every code point', async () => {
      const suffix = `${nextNumber()}@example.org`;
      const people: UserRecord[] = [];
      for (const text of HOSTILE_TEXTS) {
        people.push((await insert(makeUser({ emailNorm: text + suffix, usernameKey: text + suffix }))).user);
      }
      for (const person of people) {
        assert.deepEqual(await users().findByEmail(person.emailNorm ?? ''), person);
        assert.deepEqual(await users().findByUsernameKey(person.usernameKey ?? ''), person);
      }
    });

    it('tells names apart by what they end with', async () => {
      const name = `ending${nextNumber()}`;
      for (const end of ['', ' ', '\t', '\u0001', '\u200b', '\u0301']) {
        await insert(makeUser({ usernameKey: name + end }));
      }
    });

    it('keeps every text as it is', async () => {
      for (const text of HOSTILE_TEXTS) {
        const user = makeUser({
          email: text,
          username: text,
          fullName: text,
          profile: { bio: text, website: text, location: text },
          roleIds: [text, text],
          passwordHash: text,
          emailChange: makeEmailChange({ email: text, emailNorm: text }),
        });
        await insert(user);
        assert.deepEqual(await users().find(user.id), user);
      }
    });

    it('has room for the longest values that the API lets in', async () => {
      const user = makeUser({
        email: `${'e'.repeat(308)}@example.org`,
        emailNorm: `${'n'.repeat(308)}@example.org`,
        username: '😀'.repeat(64),
        usernameKey: '😀'.repeat(64),
        fullName: '😀'.repeat(100),
        locale: 'x'.repeat(35),
        profile: {
          bio: '😀'.repeat(1000),
          website: `https://example.org/${'w'.repeat(180)}`,
          location: '😀'.repeat(100),
        },
        passwordHash: `$argon2id$${'h'.repeat(245)}`,
        roleIds: Array.from({ length: 100 }, () => makeId()),
      });
      await insert(user);
      assert.deepEqual(await users().find(user.id), user);
    });

    it('keeps times to the millisecond in every time zone', async () => {
      for (const time of AWKWARD_TIMES) {
        const user = makeUser({ lastLoginAt: time, deletedAt: time, createdAt: time, updatedAt: time });
        user.emailChange = makeEmailChange({ expiresAt: time });
        await insert(user);
        assert.deepEqual(await users().find(user.id), user);
      }
    });

    it('takes hostile ids and names for what they are', async () => {
      for (const text of HOSTILE_TEXTS) {
        assert.equal(await users().find(text), null);
        assert.equal(await users().findByEmail(text), null);
        assert.equal(await users().upgradeHash(text, text, text), false);
        assert.equal(await users().countEmailTry(text, text, 5, NOW), false);
        await users().noteLogin(text, NOW);
        const nobody = { id: text, version: 1, now: LATER };
        assert.equal(
          await users().endSessions(nobody, { sessionEpoch: 1, keptSessionId: text }, makeEvent('user:-')),
          'lost',
        );
      }
      await assertHistory(opened(), 'user:-', []);
    });

    it('compares ids by every character', async () => {
      const { user } = await insert(makeUser({ id: makeId().replace(/^....../, 'abcdef') }));
      assert.equal(await users().find(user.id.toUpperCase()), null);
      assert.equal(await users().find(`${user.id} `), null);
      assert.equal(await users().find(user.id.slice(0, -1)), null);
    });

    itRaces('insert: one of 50 with one id', async () => {
      const user = makeUser();
      const result = await race(
        () => makeEvent(userTarget(user)),
        (event) => users().insert(user, event),
      );
      assert.deepEqual(await users().find(user.id), user);
      await assertHistory(opened(), userTarget(user), [theWinner(result, 'ok', 'lost')]);
    });

    itRaces('insert: one of 50 with one id and different names', async () => {
      const id = makeId();
      const enter = () => ({ user: makeUser({ id }), event: makeEvent(`user:${id}`) });
      const result = await race(enter, ({ user, event }) => users().insert(user, event));
      const winner = theWinner(result, 'ok', 'lost');
      assert.deepEqual(await users().find(id), winner.user);
      await assertHistory(opened(), `user:${id}`, [winner.event]);
    });

    for (const [field, taken] of [
      ['emailNorm', 'email_taken'],
      ['usernameKey', 'username_taken'],
    ] as const) {
      itRaces(`insert: one of 50 ids with one ${field}`, async () => {
        const name = `${field}${nextNumber()}`;
        const enter = () => {
          const user = makeUser({ [field]: name });
          return { user, event: makeEvent(userTarget(user)) };
        };
        const result = await race(enter, ({ user, event }) => users().insert(user, event));
        const winner = theWinner(result, 'ok', taken);
        for (const { entry } of result.all) {
          assert.deepEqual(await users().find(entry.user.id), entry === winner ? winner.user : null);
        }
        await assertHistory(opened(), userTarget(winner.user), [winner.event]);
      });
    }
  });
}
