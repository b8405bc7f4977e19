import assert from 'node:assert/strict';
import { userTerms } from '../src/modules/users/search-terms.ts';
import type { UserFilter, UserOrder, UserPlace, UserRecord, UserStore } from '../src/modules/users/user-store.ts';
import { after, DAY, MINUTE } from '../src/platform/clock.ts';
import { makeId, makeUser, NOW } from './fixtures.ts';

export type UserLists = Pick<UserStore, 'list' | 'count'>;

const BY = ['createdAt', 'email', 'username', 'lastLoginAt'] as const;
export const ORDERS: readonly UserOrder[] = BY.flatMap((by) => [
  { by, descending: false },
  { by, descending: true },
]);

/** What a list is sorted by. */
export function placeOf(user: UserRecord, { by }: UserOrder): UserPlace {
  const login = user.lastLoginAt?.toISOString() ?? null;
  const values = {
    createdAt: user.createdAt.toISOString(),
    email: user.emailNorm,
    username: user.username,
    lastLoginAt: login,
  };
  return { value: values[by], id: user.id };
}

/** What a store must show of these people, worked out by the words of the port. */
export function expectedList(people: readonly UserRecord[], filter: UserFilter, order: UserOrder): UserRecord[] {
  const sorted = people
    .filter((user) => meets(user, filter))
    .toSorted((a, b) => {
      const [one, two] = [placeOf(a, order), placeOf(b, order)];
      return compare(one.value, two.value) || compare(one.id, two.id);
    });
  return order.descending ? sorted.reverse() : sorted;
}

function compare(a: string | null, b: string | null): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  return Buffer.from(a).compare(Buffer.from(b));
}

/** The terms of each person, who stays the same: they are asked for at every list. */
const known = new WeakMap<UserRecord, readonly string[]>();

function termsOf(user: UserRecord): readonly string[] {
  const terms = known.get(user) ?? userTerms(user);
  known.set(user, terms);
  return terms;
}

function meets(user: UserRecord, filter: UserFilter): boolean {
  const { terms, roleId, ids, status, verified, createdFrom, createdTo } = filter;
  const own = termsOf(user);
  return (
    user.status !== 'erased' &&
    (terms ?? []).every((term) => own.some((text) => text.startsWith(term))) &&
    (roleId === undefined || user.roleIds.includes(roleId)) &&
    (ids === undefined || ids.includes(user.id)) &&
    (status === undefined || user.status === status) &&
    (verified === undefined || user.emailVerified === verified) &&
    (createdFrom === undefined || user.createdAt >= createdFrom) &&
    (createdTo === undefined || user.createdAt < createdTo)
  );
}

/** People many of whom share a time, a name or a role with others, or have none; in no order. */
export function makeCrowd(): UserRecord[] {
  const names = ['Zoë Berg', 'Ann Lee', 'ann berg', '李 小龍', 'Annabel O’Neill', null, 'Berg'];
  return Array.from({ length: 42 }, (_, i) => {
    const scattered = (i * 29) % 42;
    const { emailNorm, usernameKey } = makeUser();
    return makeUser({
      id: makeId(after(NOW, scattered % 5)),
      emailNorm: scattered % 7 === 0 ? null : `${scattered % 2 === 0 ? 'ann' : 'ben'}.${emailNorm}`,
      emailVerified: scattered % 4 !== 0,
      // Names are told apart by their keys: the same one may be shown twice.
      username: [null, 'bob', 'Bob', 'b😀b', 'b\uffffb', usernameKey][scattered % 6] ?? null,
      fullName: names[scattered % names.length] ?? null,
      status: (['active', 'active', 'disabled', 'deleted', 'erased'] as const)[scattered % 5] ?? 'active',
      roleIds: [['editor'], ['editor', 'user'], [], ['user']][scattered % 4] ?? [],
      lastLoginAt: scattered % 3 === 0 ? null : after(NOW, -(scattered % 4) * MINUTE),
      createdAt: after(NOW, -(scattered % 6) * DAY),
    });
  }).map((user) => (user.status === 'erased' ? { ...user, ...NOBODY } : user));
}

/** What the lists need not find of a tombstone, because an erasure takes it. */
const NOBODY = { emailNorm: null, username: null, usernameKey: null, fullName: null, roleIds: [] };

/** Filters alone and together, among them some that most people meet, a few, and nobody. */
export function filtersFor(people: readonly UserRecord[]): UserFilter[] {
  const ids = people.filter((_, i) => i % 3 === 0).map(({ id }) => id);
  const alone: UserFilter[] = [
    { terms: ['ann'] },
    { terms: ['b'] },
    { terms: ['bob'] },
    { terms: ['ann', 'berg'] },
    { terms: ['@example.org', 'ann', 'l'] },
    { terms: ['nobody'] },
    { roleId: 'editor' },
    { roleId: 'nothing' },
    { ids },
    { ids: [] },
    { ids: [ids[0] ?? '', makeId()] },
    { status: 'active' },
    { status: 'disabled' },
    { status: 'deleted' },
    { verified: true },
    { verified: false },
    { createdFrom: after(NOW, -3 * DAY) },
    { createdTo: after(NOW, -3 * DAY) },
    { createdFrom: after(NOW, -4 * DAY), createdTo: after(NOW, -2 * DAY) },
    { createdFrom: after(NOW, -2 * DAY), createdTo: after(NOW, -4 * DAY) },
  ];
  const together = alone.flatMap((one, i) => [
    { ...one, ...alone[(i + 7) % alone.length] },
    { ...one, ...alone[(i + 11) % alone.length], ...alone[(i + 16) % alone.length] },
  ]);
  return [{}, ...alone, ...together];
}

/** Checks that pages of a size, read on by their last user, show everybody once and in order. */
export async function assertPages(
  lists: UserLists,
  people: readonly UserRecord[],
  { filter, order, size }: { filter: UserFilter; order: UserOrder; size: number },
): Promise<void> {
  const expected = expectedList(people, filter, order);
  const seen: UserRecord[] = [];
  for (let last: UserPlace | null = null; ; ) {
    const page: UserRecord[] = await lists.list(filter, order, { after: last, skip: 0, limit: size });
    seen.push(...page);
    const end = page.at(-1);
    if (!end || page.length < size) break;
    assert.ok(seen.length <= expected.length, 'nobody comes twice');
    last = placeOf(end, order);
  }
  assert.deepEqual(idsOf(seen), idsOf(expected), `${JSON.stringify({ filter, order, size })}`);
}

/** Checks that pages of a size, each after so many users, are cut from the whole. */
export async function assertSkipping(
  lists: UserLists,
  people: readonly UserRecord[],
  { filter, order, size }: { filter: UserFilter; order: UserOrder; size: number },
): Promise<void> {
  const expected = expectedList(people, filter, order);
  for (let skip = 0; skip <= expected.length + 1; skip++) {
    const page = await lists.list(filter, order, { after: null, skip, limit: size });
    const cut = expected.slice(skip, skip + size);
    assert.deepEqual(idsOf(page), idsOf(cut), `${JSON.stringify({ filter, order, skip })}`);
  }
}

/** Checks what comes after a place. */
export async function assertAfter(
  lists: UserLists,
  people: readonly UserRecord[],
  { order, place }: { order: UserOrder; place: UserPlace },
): Promise<void> {
  const expected = expectedList(people, {}, order).filter((user) => {
    const own = placeOf(user, order);
    const side = compare(own.value, place.value) || compare(own.id, place.id);
    return order.descending ? side < 0 : side > 0;
  });
  const rest = await lists.list({}, order, { after: place, skip: 0, limit: people.length + 1 });
  assert.deepEqual(idsOf(rest), idsOf(expected), `${JSON.stringify({ order, place })}`);
}

/** Checks the first page of a filter, whole records. */
export async function assertFilter(
  lists: UserLists,
  people: readonly UserRecord[],
  { filter, order }: { filter: UserFilter; order: UserOrder },
): Promise<void> {
  const page = { after: null, skip: 0, limit: people.length + 1 };
  const listed = await lists.list(filter, order, page);
  assert.deepEqual(listed, expectedList(people, filter, order), `${JSON.stringify({ filter, order })}`);
}

/** Checks how many a filter finds, in no order, and that counting stops at its limit. */
export async function assertCounts(lists: UserLists, people: readonly UserRecord[], filter: UserFilter): Promise<void> {
  const found = people.filter((user) => meets(user, filter)).length;
  for (const limit of [1, 5, people.length + 1]) {
    const counted = await lists.count(filter, limit);
    assert.equal(counted, Math.min(limit, found), `${JSON.stringify({ filter, limit })}`);
  }
}

const idsOf = (users: UserRecord[]) => users.map(({ id }) => id);
