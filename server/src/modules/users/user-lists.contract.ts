import assert from 'node:assert/strict';
import { it } from 'node:test';
import { HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import { makeBareUser, makeEvent, makeId, makeUser, nextNumber } from '../../../test/fixtures.ts';
import { describeStore, type Open } from '../../../test/store-contract.ts';
import {
  assertAfter,
  assertCounts,
  assertFilter,
  assertPages,
  assertSkipping,
  expectedList,
  filtersFor,
  makeCrowd,
  ORDERS,
  placeOf,
} from '../../../test/user-lists.ts';
import { at, erase, insertUser, softDelete, userTarget } from '../../../test/user-verbs.ts';
import { searchTerms } from './search-terms.ts';
import type { UserFilter, UserRecord } from './user-store.ts';

const NEWEST = { by: 'createdAt', descending: true } as const;

/** Every adapter of the user store keeps this: lists of users. */
export function userListsContract(open: Open): void {
  describeStore('UserStore: lists', open, (opened) => {
    const users = () => opened().storage.users;
    const crowd = makeCrowd();

    it('show nobody where there is nobody', async () => {
      assert.deepEqual(await users().list({}, NEWEST, { after: null, skip: 0, limit: 10 }), []);
      assert.equal(await users().count({}, 10), 0);
      for (const person of crowd) await insertUser(opened(), person);
    });

    for (const order of ORDERS) {
      const name = `by ${order.by}, ${order.descending ? 'descending' : 'ascending'}`;

      it(`${name}: pages show everybody once, in order`, async () => {
        for (const size of [1, 4, crowd.length]) await assertPages(users(), crowd, { filter: {}, order, size });
        for (const filter of [{ terms: ['ann'] }, { roleId: 'user' }, { status: 'active' as const }]) {
          await assertPages(users(), crowd, { filter, order, size: 3 });
        }
      });

      it(`${name}: pages may begin after any number of users`, async () => {
        await assertSkipping(users(), crowd, { filter: {}, order, size: 5 });
        await assertSkipping(users(), crowd, { filter: { terms: ['b'] }, order, size: 2 });
      });

      it(`${name}: show those who meet the filter`, async () => {
        for (const filter of filtersFor(crowd)) await assertFilter(users(), crowd, { filter, order });
      });
    }

    it('count those who meet the filter', async () => {
      for (const filter of filtersFor(crowd)) await assertCounts(users(), crowd, filter);
    });

    it('go on after a place at which nobody stands any more', async () => {
      for (const order of ORDERS) {
        for (const user of crowd)
          await assertAfter(users(), crowd, { order, place: { ...placeOf(user, order), id: makeId() } });
      }
    });
  });

  describeStore('UserStore: what lists follow', open, (opened) => {
    const users = () => opened().storage.users;

    async function found(filter: UserFilter): Promise<string[]> {
      const list = await users().list(filter, NEWEST, { after: null, skip: 0, limit: 100 });
      assert.equal(await users().count(filter, 100), list.length);
      return list.map(({ id }) => id);
    }
    const byTerm = (term: string) => found({ terms: [term] });
    const insert = async (fields: Partial<UserRecord>) => (await insertUser(opened(), makeUser(fields))).user;

    it('a user is found by the beginning of each of their terms', async () => {
      const user = await insert({
        emailNorm: 'findable.mary@findable.example',
        username: 'Findable_Namé',
        fullName: 'Ngọc Ánh O’Neill',
      });
      for (const q of [
        'findable.m',
        'Findable.Mary@Findable.Example',
        '@findable.ex',
        'FINDABLE_NAME',
        'ngoc',
        'neil',
      ]) {
        assert.deepEqual(await found({ terms: searchTerms(q) }), [user.id], q);
      }
      for (const q of ['indable', 'findable.mary@findable.example.org', 'findable_namex', '@ngoc', 'example']) {
        assert.ok(!(await found({ terms: searchTerms(q) })).includes(user.id), q);
      }
    });

    it('a user is found by what a list shows of them, by parts of it, and in other spellings', async () => {
      const user = await insert({
        emailNorm: 'pasted.smythe@pasted.example',
        username: '王伟_pasted',
        fullName: 'Żółkiewska, Łucja 🙂 王小明 O’Neill',
      });
      for (const q of [
        'Żółkiewska, Łucja 🙂 王小明 O’Neill',
        'zolkiewska lucja',
        "o'neill 小明",
        '"Łucja" <pasted.smythe@pasted.example>,',
        'smythe pasted',
        '王伟_pasted',
      ]) {
        assert.deepEqual(await found({ terms: searchTerms(q) }), [user.id], q);
      }
    });

    it('terms follow a change of the profile, of one name at a time', async () => {
      const n = nextNumber();
      const user = await insert({ emailNorm: `mail${n}@x.example`, username: `user${n}`, fullName: `Full${n}` });
      const steps = [
        [{ username: `other${n}`, usernameKey: `other${n}` }, `user${n}`, `other${n}`],
        [{ fullName: `Different${n}` }, `full${n}`, `different${n}`],
        [{ email: `Moved${n}@y.example`, emailNorm: `moved${n}@y.example` }, `mail${n}@`, `moved${n}@y`],
      ] as const;
      for (const [i, [patch, before, now]] of steps.entries()) {
        assert.deepEqual(await byTerm(before), [user.id]);
        const change = users().patchProfile(at({ ...user, version: i + 1 }), patch, makeEvent(userTarget(user)));
        assert.equal(await change, 'ok');
        assert.deepEqual([await byTerm(before), await byTerm(now)], [[], [user.id]]);
      }
      const nameless = { username: null, usernameKey: null, fullName: null };
      const last = at({ ...user, version: steps.length + 1 });
      assert.equal(await users().patchProfile(last, nameless, makeEvent(userTarget(user))), 'ok');
      assert.deepEqual([await byTerm(`other${n}`), await byTerm(`different${n}`)], [[], []]);
      assert.deepEqual(await byTerm(`moved${n}@y.example`), [user.id]);
    });

    it('terms follow a new address', async () => {
      const user = await insert({});
      const n = nextNumber();
      const taken = { email: `new${n}@z.example`, emailNorm: `new${n}@z.example` };
      assert.equal(await users().takeEmail(at(user), taken, makeEvent(userTarget(user))), 'ok');
      assert.deepEqual([await byTerm(user.emailNorm ?? ''), await byTerm(`new${n}@`)], [[], [user.id]]);
    });

    it('terms follow an accepted invitation', async () => {
      const user = await insert({});
      const n = nextNumber();
      const change = { hash: '$hash', passwordVersion: 4, sessionEpoch: 3 };
      const names = { username: `Guest${n}`, usernameKey: `guest${n}`, fullName: `Welcome${n}` };
      const accepted = users().acceptInvitation(at(user), { ...change, ...names }, makeEvent(userTarget(user)));
      assert.equal(await accepted, 'ok');
      assert.deepEqual([await byTerm(`guest${n}`), await byTerm(`welcome${n}`)], [[user.id], [user.id]]);
      assert.deepEqual(await byTerm(user.emailNorm ?? ''), [user.id]);
    });

    it('terms stay as they are where a change loses or a name is taken', async () => {
      const [owner, user] = [await insert({}), await insert({})];
      const { username, usernameKey } = owner;
      const refused = { username, usernameKey, fullName: `Refused${nextNumber()}` };
      assert.equal(await users().patchProfile(at(user), refused, makeEvent(userTarget(user))), 'username_taken');
      const late = at({ ...user, version: 9 });
      assert.equal(
        await users().patchProfile(late, { fullName: refused.fullName }, makeEvent(userTarget(user))),
        'lost',
      );
      assert.deepEqual(await byTerm(refused.fullName.toLowerCase()), []);
      assert.deepEqual(await byTerm(user.username?.toLowerCase() ?? ''), [user.id]);
    });

    it('who holds a role follows the roles that are set', async () => {
      const [kept, given, taken] = [makeId(), makeId(), makeId()];
      const user = await insert({ roleIds: [kept, taken] });
      const roles = { roleIds: [given, kept] };
      assert.equal(await users().setRoles(at(user), roles, makeEvent(userTarget(user))), 'ok');
      for (const [roleId, expected] of [
        [kept, [user.id]],
        [given, [user.id]],
        [taken, []],
      ] as const) {
        assert.deepEqual(await found({ roleId }), expected);
      }
      assert.equal(
        await users().setRoles(at({ ...user, version: 2 }), { roleIds: [] }, makeEvent(userTarget(user))),
        'ok',
      );
      assert.deepEqual(await found({ roleId: kept }), []);
    });

    it('who holds any of some roles is found once, with every other condition', async () => {
      const [common, one, two, none] = [makeId(), makeId(), makeId(), makeId()];
      const both = await insert({ roleIds: [common, one, two] });
      const single = await insert({ roleIds: [two] });
      await insert({ roleIds: [common] });
      const ids = (list: UserRecord[]) => list.map(({ id }) => id).sort();
      const sorted = async (filter: UserFilter) => (await found(filter)).sort();
      assert.deepEqual(await sorted({ anyRoleIds: [one, two, none] }), ids([both, single]));
      assert.deepEqual(await sorted({ roleId: common, anyRoleIds: [one, two] }), [both.id]);
      assert.deepEqual(await sorted({ ids: [single.id], anyRoleIds: [one, two] }), [single.id]);
      for (const [filter, count] of [
        [{ anyRoleIds: [one, two] }, 2],
        [{ roleId: common, anyRoleIds: [one, two] }, 1],
        [{ roleId: common, anyRoleIds: [none] }, 0],
        [{ anyRoleIds: [none] }, 0],
      ] as [UserFilter, number][]) {
        assert.equal(await users().count(filter, 9), count);
      }
    });

    it('somebody deleted is found, somebody erased is not, nor once they are removed', async () => {
      const user = await insert({ roleIds: [makeId()] });
      const filters: UserFilter[] = [
        { terms: [user.emailNorm ?? ''] },
        { roleId: user.roleIds[0] ?? '' },
        { ids: [user.id] },
      ];
      assert.equal(await softDelete().act(users(), at(user), makeEvent(userTarget(user))), 'ok');
      for (const filter of filters) {
        assert.deepEqual(await found(filter), [user.id]);
        assert.deepEqual(await found({ ...filter, status: 'deleted' }), [user.id]);
        assert.deepEqual(await found({ ...filter, status: 'active' }), []);
      }
      assert.equal(await erase().act(users(), at({ ...user, version: 2 }), makeEvent(userTarget(user))), 'ok');
      for (const filter of filters) assert.deepEqual(await found(filter), []);
      await users().remove(user.id);
      for (const filter of filters) assert.deepEqual(await found(filter), []);
    });

    it('takes every text of a search for text, and finds by it those alone whose terms begin so', async () => {
      const n = nextNumber();
      const people: UserRecord[] = [];
      for (const text of HOSTILE_TEXTS) {
        people.push(await insert({ emailNorm: null, username: `${text}|${n}`, fullName: null }));
        people.push(await insert({ emailNorm: null, username: `t${n}${text}`, fullName: null }));
      }
      for (const text of [
        ...HOSTILE_TEXTS.map((text) => `t${n}${text}`),
        '%',
        '_',
        '.*',
        '^',
        '$',
        '(',
        '\\',
        '\uffff',
      ]) {
        for (const term of searchTerms(text)) {
          const filter = { terms: [term], ids: people.map(({ id }) => id) };
          const expected = expectedList(people, filter, NEWEST).map(({ id }) => id);
          assert.deepEqual(await found(filter), expected, JSON.stringify(term));
        }
      }
      for (const text of HOSTILE_TEXTS) {
        if (text === '') continue;
        const filter = { terms: [text] };
        const all = await users().list(filter, NEWEST, { after: null, skip: 0, limit: 1000 });
        assert.equal(await users().count(filter, 1000), all.length);
        assert.deepEqual(await found({ roleId: text }), []);
        assert.deepEqual(await found({ ids: [text] }), []);
        const place = { value: text, id: text };
        await users().list({}, { by: 'username', descending: true }, { after: place, skip: 0, limit: 5 });
      }
    });

    it('a text sorts by its bytes, and pages go on after each', async () => {
      const roleId = makeId();
      const people: UserRecord[] = [];
      for (const text of HOSTILE_TEXTS) people.push(await insert({ username: text, roleIds: [roleId] }));
      people.push((await insertUser(opened(), makeBareUser({ roleIds: [roleId] }))).user);
      for (const order of ORDERS) await assertPages(users(), people, { filter: { roleId }, order, size: 2 });
    });
  });
}
