import assert from 'node:assert/strict';
import { it } from 'node:test';
import { makeBareUser, makeEvent, makeId, makeUser } from '../../../test/fixtures.ts';
import { assertHistory, describeStore, itRaces, type Open, race } from '../../../test/store-contract.ts';
import { userTarget } from '../../../test/user-verbs.ts';
import { searchTerms } from './names.ts';
import type { UserRecord } from './user-store.ts';

/** Every adapter of the user store keeps this: many users at a time. */
export function userBatchesContract(open: Open): void {
  describeStore('UserStore: many at a time', open, (opened) => {
    const users = () => opened().storage.users;
    const person = (user: UserRecord, fields = {}) => ({ user, event: makeEvent(userTarget(user), fields) });
    const none = { ids: [], emailNorms: [], usernameKeys: [], externalIds: [] };

    it('insertMany: whole users, each with its event; lists and searches find them', async () => {
      const people = [makeUser(), makeBareUser(), makeUser({ profile: {}, roleIds: [] })].map((user) => person(user));
      const before = opened().committed.length;
      assert.deepEqual(
        await users().insertMany(people),
        people.map(({ user }) => user.id),
      );
      for (const { user, event } of people) {
        assert.deepEqual(await users().find(user.id), user);
        await assertHistory(opened(), userTarget(user), [event]);
      }
      assert.deepEqual(
        opened().committed.slice(before),
        people.map(({ event }) => event),
      );
      const [first = assert.fail(), , third = assert.fail()] = people;
      assert.deepEqual(await users().findByEmail(first.user.emailNorm ?? ''), first.user);
      const page = { after: null, skip: 0, limit: 10 };
      const order = { by: 'createdAt', descending: false } as const;
      const found = await users().list({ terms: searchTerms(third.user.emailNorm ?? '') }, order, page);
      assert.deepEqual(found, [third.user]);
      const roleId = makeId();
      const granted = person(makeUser({ roleIds: [roleId, 'user', roleId] }));
      assert.equal((await users().insertMany([granted])).length, 1);
      assert.deepEqual(await users().list({ roleId }, order, page), [granted.user]);
      assert.equal(await users().rebuildTerms(10), 0);
    });

    it('insertMany: nobody, and one event that evicts', async () => {
      assert.deepEqual(await users().insertMany([]), []);
      const evicting = person(makeUser(), { evicts: true });
      assert.equal((await users().insertMany([evicting])).length, 1);
      const feed = await opened().storage.events.evictionsAfter(0, 1000);
      assert.ok(feed.some(({ target }) => target === userTarget(evicting.user)));
    });

    it('insertMany: leaves out whose id, address, username or external id is taken, and nobody else', async () => {
      const present = makeUser();
      assert.equal((await users().insertMany([person(present)])).length, 1);
      const people = Array.from({ length: 11 }, () => person(makeUser()));
      const taken = [
        makeUser({ id: present.id }),
        makeUser({ emailNorm: present.emailNorm }),
        makeUser({ usernameKey: present.usernameKey }),
        makeUser({ externalId: present.externalId }),
        makeUser({ emailNorm: people[3]?.user.emailNorm ?? '' }),
        makeUser({ externalId: people[9]?.user.externalId ?? '' }),
      ].map((user) => person(user));
      const mixed = [...people, ...taken];
      const inserted = await users().insertMany(mixed);
      assert.deepEqual([...inserted].sort(), people.map(({ user }) => user.id).sort());
      for (const { user, event } of people) {
        assert.deepEqual(await users().find(user.id), user);
        await assertHistory(opened(), userTarget(user), [event]);
      }
      for (const { user } of taken.slice(1)) {
        assert.equal(await users().find(user.id), null);
        await assertHistory(opened(), userTarget(user), []);
      }
      assert.deepEqual(await users().find(present.id), present);
    });

    it('findNamed: by each name, each user once; nobody for nothing', async () => {
      const [one, two, three, four] = [makeUser(), makeUser(), makeUser(), makeBareUser()];
      await users().insertMany([one, two, three, four].map((user) => person(user)));
      const names = ({ id, emailNorm, username, usernameKey, externalId }: UserRecord) => {
        return { id, emailNorm, username, usernameKey, externalId };
      };
      const found = await users().findNamed({
        ids: [four.id, makeId()],
        emailNorms: [one.emailNorm ?? '', 'nobody@example.org', `"'\\%`],
        usernameKeys: [two.usernameKey ?? '', one.usernameKey ?? ''],
        externalIds: [three.externalId ?? '', 'elsewhere:nobody'],
      });
      const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
      assert.deepEqual(found.sort(byId), [one, two, three, four].map(names).sort(byId));
      assert.deepEqual(await users().findNamed(none), []);
    });

    itRaces('insertMany: 50 batches with the same external ids make each person once', async () => {
      const externalIds = Array.from({ length: 5 }, () => `raced:${makeId()}`);
      const result = await race(
        () => externalIds.map((externalId) => person(makeUser({ externalId }))),
        (people) => users().insertMany(people),
      );
      const inserted = result.all.flatMap(({ outcome }) => outcome);
      assert.equal(inserted.length, externalIds.length);
      const found = await users().findNamed({ ...none, externalIds });
      assert.deepEqual(found.map(({ id }) => id).sort(), inserted.sort());
    });
  });
}
