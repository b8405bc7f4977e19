import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES, HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import {
  LATER,
  makeBareEvent,
  makeBareUser,
  makeEmailChange,
  makeEvent,
  makeHash,
  makeId,
  makeUnwritableEvent,
  makeUser,
  NOW,
  nextNumber,
} from '../../../test/fixtures.ts';
import { assertHistory, describeStore, itRaces, type Open, race, theWinner } from '../../../test/store-contract.ts';
import { after } from '../../platform/clock.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { UserAt, UserChange, UserRecord, UserStore } from './user-store.ts';

/** One change of a user that carries an event, and the fields that it must set. */
interface Verb {
  act(users: UserStore, at: UserAt, event: EventDraft): Promise<UserChange>;
  sets: Partial<UserRecord>;
}

const address = () => {
  const { email, emailNorm } = makeEmailChange();
  return { email, emailNorm };
};

function setPassword(): Verb {
  const { hash, ...rest } = {
    hash: `$argon2id$${makeHash()}`,
    passwordVersion: 4,
    mustChangePassword: false,
    sessionEpoch: 3,
    keptSessionId: makeId(),
  };
  return {
    act: (users, at, event) => users.setPassword(at, { hash, ...rest }, event),
    sets: { passwordHash: hash, ...rest },
  };
}

function patchProfile(): Verb {
  const name = `renamed${nextNumber()}`;
  const sets = {
    fullName: null,
    username: name.toUpperCase(),
    usernameKey: name,
    phone: null,
    locale: 'zh-Hant-TW',
    profile: { location: '東京' },
    profilePublic: false,
  };
  return { act: (users, at, event) => users.patchProfile(at, sets, event), sets };
}

function endSessions(): Verb {
  const sets = { sessionEpoch: 9, keptSessionId: null };
  return { act: (users, at, event) => users.endSessions(at, sets, event), sets };
}

function beginEmailChange(): Verb {
  const emailChange = makeEmailChange();
  return { act: (users, at, event) => users.beginEmailChange(at, emailChange, event), sets: { emailChange } };
}

function takeEmail(): Verb {
  const taken = address();
  return {
    act: (users, at, event) => users.takeEmail(at, taken, event),
    sets: { ...taken, emailVerified: true, emailChange: null },
  };
}

/** The kept session goes as well: somebody who is restored must not find it alive. */
function softDelete(): Verb {
  return {
    act: (users, at, event) => users.softDelete(at, { sessionEpoch: 5 }, event),
    sets: { status: 'deleted', deletedAt: LATER, sessionEpoch: 5, keptSessionId: null },
  };
}

const VERBS = { setPassword, patchProfile, endSessions, beginEmailChange, takeEmail, softDelete };

const target = (user: Pick<UserRecord, 'id'>) => `user:${user.id}`;
const at = (user: Pick<UserRecord, 'id' | 'version'>): UserAt => ({ id: user.id, version: user.version, now: LATER });

/** Every adapter of the user store keeps this. */
export function userStoreContract(open: Open): void {
  describeStore('UserStore', open, (opened) => {
    const users = () => opened().storage.users;

    async function insert(user: UserRecord): Promise<{ user: UserRecord; began: EventDraft }> {
      const began = makeEvent(target(user));
      assert.equal(await users().insert(user, began), 'ok');
      return { user, began };
    }

    it('gives back a full record as it was inserted, by id, e-mail and username', async () => {
      const { user, began } = await insert(makeUser());
      assert.deepEqual(await users().find(user.id), user);
      assert.deepEqual(await users().findByEmail(user.emailNorm ?? ''), user);
      assert.deepEqual(await users().findByUsernameKey(user.usernameKey ?? ''), user);
      await assertHistory(opened(), target(user), [began]);
    });

    it('gives back nulls, false and empty lists as they were inserted', async () => {
      const user = makeBareUser();
      const event = makeBareEvent(target(user), { pending: false, evicts: false });
      assert.equal(await users().insert(user, event), 'ok');
      assert.deepEqual(await users().find(user.id), user);
      await assertHistory(opened(), target(user), [event]);
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
      assert.equal(await users().insert(user, makeEvent(target(user))), 'lost');
      assert.equal(await users().insert(makeUser({ id: user.id }), makeEvent(target(user))), 'lost');
      assert.equal(await users().insert(makeBareUser({ id: user.id }), makeEvent(target(user))), 'lost');
      assert.deepEqual(await users().find(user.id), user);
      await assertHistory(opened(), target(user), [began]);
    });

    it('refuses an e-mail address that is in use', async () => {
      const { user: first } = await insert(makeUser());
      const second = makeUser({ emailNorm: first.emailNorm });
      assert.equal(await users().insert(second, makeEvent(target(second))), 'email_taken');
      assert.equal(await users().find(second.id), null);
      await assertHistory(opened(), target(second), []);
    });

    it('refuses a username that is in use', async () => {
      const { user: first } = await insert(makeUser());
      const second = makeUser({ usernameKey: first.usernameKey });
      assert.equal(await users().insert(second, makeEvent(target(second))), 'username_taken');
      assert.equal(await users().find(second.id), null);
      await assertHistory(opened(), target(second), []);
    });

    it('refuses both names of two people', async () => {
      const [{ user: one }, { user: two }] = [await insert(makeUser()), await insert(makeUser())];
      const third = makeUser({ emailNorm: one.emailNorm, usernameKey: two.usernameKey });
      const outcome = await users().insert(third, makeEvent(target(third)));
      assert.ok(outcome === 'email_taken' || outcome === 'username_taken', outcome);
      assert.equal(await users().find(third.id), null);
    });

    it('compares only the canonical forms of names', async () => {
      const { user: first } = await insert(makeUser());
      await insert(makeUser({ email: first.email, username: first.username }));
    });

    it('keeps the names of a deleted user', async () => {
      const { user } = await insert(makeUser());
      assert.equal(await softDelete().act(users(), at(user), makeEvent(target(user))), 'ok');
      const namesake = makeUser({ emailNorm: user.emailNorm });
      assert.equal(await users().insert(namesake, makeEvent(target(namesake))), 'email_taken');
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

    for (const [name, verb] of Object.entries(VERBS)) {
      it(`${name}: changes what it should and nothing else, with its event`, async () => {
        const { user, began } = await insert(makeUser());
        const { act, sets } = verb();
        const event = makeEvent(target(user));
        assert.equal(await act(users(), at(user), event), 'ok');
        const { emailChange, ...found } = (await users().find(user.id)) ?? assert.fail('the user is gone');
        const { emailChange: expectedChange, ...expected } = { ...user, ...sets, updatedAt: LATER, version: 2 };
        assert.deepEqual(found, expected);
        // Whether a deletion also ends a waiting change of address is the adapter's own affair.
        if (name !== 'softDelete') assert.deepEqual(emailChange, expectedChange);
        await assertHistory(opened(), target(user), [began, event]);
      });

      it(`${name}: works on a user who has nothing`, async () => {
        const { user } = await insert(makeBareUser());
        const { act, sets } = verb();
        assert.equal(await act(users(), at(user), makeBareEvent(target(user))), 'ok');
        assert.deepEqual(await users().find(user.id), { ...user, ...sets, updatedAt: LATER, version: 2 });
      });

      it(`${name}: loses on a version that has passed, or is still to come`, async () => {
        const { user, began } = await insert(makeUser());
        const change = makeEvent(target(user));
        assert.equal(await endSessions().act(users(), at(user), change), 'ok');
        const present = await users().find(user.id);
        for (const version of [user.version, 0, 3]) {
          const late = { ...at(user), version };
          assert.equal(await verb().act(users(), late, makeEvent(target(user))), 'lost');
        }
        assert.deepEqual(await users().find(user.id), present);
        await assertHistory(opened(), target(user), [began, change]);
      });

      it(`${name}: loses where there is nobody`, async () => {
        const nobody = makeUser();
        assert.equal(await verb().act(users(), at(nobody), makeEvent(target(nobody))), 'lost');
        assert.equal(await users().find(nobody.id), null);
        await assertHistory(opened(), target(nobody), []);
      });

      it(`${name}: does nothing when its event cannot be written`, async () => {
        const { user, began } = await insert(makeUser());
        await assert.rejects(verb().act(users(), at(user), makeUnwritableEvent(target(user))));
        assert.deepEqual(await users().find(user.id), user);
        await assertHistory(opened(), target(user), [began]);
      });

      itRaces(`${name}: one of 50 on one version`, async () => {
        const { user, began } = await insert(makeUser());
        const enter = () => ({ event: makeEvent(target(user)), verb: verb() });
        const result = await race(enter, (entry) => entry.verb.act(users(), at(user), entry.event));
        const winner = theWinner(result, 'ok', 'lost');
        const { emailChange: _, ...expected } = { ...user, ...winner.verb.sets, updatedAt: LATER, version: 2 };
        const { emailChange: _also, ...found } = (await users().find(user.id)) ?? assert.fail('the user is gone');
        assert.deepEqual(found, expected);
        await assertHistory(opened(), target(user), [began, winner.event]);
      });
    }

    itRaces('one of 50 different verbs on one version', async () => {
      const { user, began } = await insert(makeUser());
      const verbs = Object.values(VERBS);
      const enter = (caller: number) => {
        const verb = verbs[caller % verbs.length] ?? assert.fail();
        return { event: makeEvent(target(user)), act: verb().act };
      };
      const result = await race(enter, ({ act, event }) => act(users(), at(user), event));
      await assertHistory(opened(), target(user), [began, theWinner(result, 'ok', 'lost').event]);
    });

    itRaces('insert: one of 50 with one id', async () => {
      const user = makeUser();
      const result = await race(
        () => makeEvent(target(user)),
        (event) => users().insert(user, event),
      );
      assert.deepEqual(await users().find(user.id), user);
      await assertHistory(opened(), target(user), [theWinner(result, 'ok', 'lost')]);
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
          return { user, event: makeEvent(target(user)) };
        };
        const result = await race(enter, ({ user, event }) => users().insert(user, event));
        const winner = theWinner(result, 'ok', taken);
        for (const { entry } of result.all) {
          assert.deepEqual(await users().find(entry.user.id), entry === winner ? winner.user : null);
        }
        await assertHistory(opened(), target(winner.user), [winner.event]);
      });
    }

    itRaces('takeEmail: one of 50 people takes one address', async () => {
      const wanted = address();
      const people = await Promise.all(Array.from({ length: 50 }, () => insert(makeUser())));
      const enter = (caller: number) => {
        const person = people[caller] ?? assert.fail();
        return { ...person, event: makeEvent(target(person.user)) };
      };
      const result = await race(enter, ({ user, event }) => users().takeEmail(at(user), wanted, event));
      const winner = theWinner(result, 'ok', 'email_taken');
      assert.equal((await users().findByEmail(wanted.emailNorm))?.id, winner.user.id);
      await assertHistory(opened(), target(winner.user), [winner.began, winner.event]);
      const loser = result.all.find(({ entry }) => entry !== winner)?.entry ?? assert.fail();
      assert.deepEqual(await users().find(loser.user.id), loser.user);
      await assertHistory(opened(), target(loser.user), [loser.began]);
    });

    itRaces('patchProfile: one of 50 people takes one username', async () => {
      const names = { username: `Wanted${nextNumber()}`, usernameKey: `wanted${nextNumber()}` };
      const people = await Promise.all(Array.from({ length: 50 }, () => insert(makeUser())));
      const enter = (caller: number) => people[caller]?.user ?? assert.fail();
      const result = await race(enter, (user) => users().patchProfile(at(user), names, makeEvent(target(user))));
      const winner = theWinner(result, 'ok', 'username_taken');
      assert.equal((await users().findByUsernameKey(names.usernameKey))?.id, winner.id);
    });

    it('takeEmail: refuses an address that is in use, and the change keeps waiting', async () => {
      const [{ user: owner }, { user, began }] = [await insert(makeUser()), await insert(makeUser())];
      const taken = { email: 'Other@example.org', emailNorm: owner.emailNorm ?? '' };
      assert.equal(await users().takeEmail(at(user), taken, makeEvent(target(user))), 'email_taken');
      assert.deepEqual(await users().find(user.id), user);
      await assertHistory(opened(), target(user), [began]);
    });

    it('takeEmail: verifies the address that the user has', async () => {
      const { user } = await insert(makeUser({ emailVerified: false }));
      const own = { email: user.email ?? '', emailNorm: user.emailNorm ?? '' };
      assert.equal(await users().takeEmail(at(user), own, makeEvent(target(user))), 'ok');
      assert.equal((await users().find(user.id))?.emailVerified, true);
    });

    it('takeEmail: sets the former address free', async () => {
      const { user } = await insert(makeUser());
      assert.equal(await takeEmail().act(users(), at(user), makeEvent(target(user))), 'ok');
      assert.equal(await users().findByEmail(user.emailNorm ?? ''), null);
      await insert(makeUser({ emailNorm: user.emailNorm }));
    });

    it('patchProfile: leaves alone what is not named', async () => {
      const { user } = await insert(makeUser());
      assert.equal(await users().patchProfile(at(user), { phone: '+12025550123' }, makeEvent(target(user))), 'ok');
      const expected = { ...user, phone: '+12025550123', updatedAt: LATER, version: 2 };
      assert.deepEqual(await users().find(user.id), expected);
    });

    it('patchProfile: an empty patch is a change as well', async () => {
      const { user, began } = await insert(makeUser());
      const event = makeEvent(target(user));
      assert.equal(await users().patchProfile(at(user), {}, event), 'ok');
      assert.deepEqual(await users().find(user.id), { ...user, updatedAt: LATER, version: 2 });
      await assertHistory(opened(), target(user), [began, event]);
    });

    it('patchProfile: replaces the profile as a whole, and keeps every text in it', async () => {
      const { user } = await insert(makeUser());
      let version = user.version;
      for (const text of HOSTILE_TEXTS) {
        const patch = { fullName: text, profile: { bio: text } };
        assert.equal(await users().patchProfile(at({ ...user, version }), patch, makeEvent(target(user))), 'ok');
        version += 1;
        assert.deepEqual(await users().find(user.id), { ...user, ...patch, updatedAt: LATER, version });
      }
      assert.equal(
        await users().patchProfile(at({ ...user, version }), { profile: {} }, makeEvent(target(user))),
        'ok',
      );
      assert.deepEqual((await users().find(user.id))?.profile, {});
    });

    it('patchProfile: refuses a username that is in use, and gives up one', async () => {
      const [{ user: owner }, { user, began }] = [await insert(makeUser()), await insert(makeUser())];
      const { username, usernameKey } = owner;
      const refused = { username, usernameKey, fullName: 'Somebody Else' };
      assert.equal(await users().patchProfile(at(user), refused, makeEvent(target(user))), 'username_taken');
      assert.deepEqual(await users().find(user.id), user);
      await assertHistory(opened(), target(user), [began]);

      const nameless = { username: null, usernameKey: null };
      assert.equal(await users().patchProfile(at(owner), nameless, makeEvent(target(owner))), 'ok');
      assert.equal(await users().patchProfile(at(user), refused, makeEvent(target(user))), 'ok');
      assert.equal((await users().findByUsernameKey(usernameKey ?? ''))?.id, user.id);
    });

    it('patchProfile: takes the username that the user has', async () => {
      const { user } = await insert(makeUser());
      const same = { username: user.usernameKey, usernameKey: user.usernameKey };
      assert.equal(await users().patchProfile(at(user), same, makeEvent(target(user))), 'ok');
      assert.equal((await users().find(user.id))?.username, user.usernameKey);
    });

    it('carries the version from change to change, and seq with it', async () => {
      const { user, began } = await insert(makeUser());
      const events = [began];
      for (const [i, verb] of [...Object.values(VERBS), ...Object.values(VERBS)].entries()) {
        const event = makeEvent(target(user));
        assert.equal(await verb().act(users(), at({ ...user, version: i + 1 }), event), 'ok');
        events.push(event);
      }
      await assertHistory(opened(), target(user), events);
      assert.equal((await users().find(user.id))?.version, events.length);
    });

    it('upgradeHash: only while the old one is there; no event, no version', async () => {
      const { user, began } = await insert(makeUser({ passwordHash: '$old$aBc' }));
      assert.equal(await users().upgradeHash(user.id, '$old$abc', '$new$1'), false);
      assert.equal(await users().upgradeHash(user.id, '$old$aBc ', '$new$1'), false);
      assert.equal(await users().upgradeHash(makeId(), '$old$aBc', '$new$1'), false);
      assert.equal(await users().upgradeHash(user.id, '$old$aBc', '$new$2'), true);
      assert.equal(await users().upgradeHash(user.id, '$old$aBc', '$new$3'), false);
      const found = (await users().find(user.id)) ?? assert.fail('the user is gone');
      assert.deepEqual({ ...found, updatedAt: user.updatedAt }, { ...user, passwordHash: '$new$2' });
      await assertHistory(opened(), target(user), [began]);
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
      await assertHistory(opened(), target(user), [began]);
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
      assert.equal(await takeEmail().act(users(), at(user), makeEvent(target(user))), 'ok');
      assert.equal(await users().countEmailTry(user.id, user.emailChange?.id ?? '', 5, NOW), false);
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
      await assertHistory(opened(), target(user), [began]);
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
