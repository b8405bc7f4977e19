import { type RawBuilder, type SqlBool, sql } from 'kysely';
import { endOfPrefix } from './search-terms.ts';
import type { UserFilter, UserOrder } from './user-store.ts';

/** A condition that has an index of its own. */
export interface Search {
  /** The ids of those who meet it, each once, as `user_id`. */
  users: RawBuilder<unknown>;
  /** The same, where somebody may be there twice: quicker to count. */
  rows: RawBuilder<unknown>;
  /** Whether `users.id` meets it; null where `conditionsOf` asks. */
  meets: RawBuilder<SqlBool> | null;
}

/** What a filter has an index for besides the one of the order. Erased users are in no side table. */
export function searchesOf(filter: UserFilter, order: UserOrder | null): Search[] {
  const { terms = [], roleId, ids, createdFrom, createdTo } = filter;
  const searches = terms.map((term) => {
    const end = endOfPrefix(term);
    const begun = end === null ? sql`term >= ${term}` : sql`term >= ${term} and term < ${end}`;
    return {
      users: sql`select distinct user_id from user_terms where ${begun}`,
      rows: sql`select user_id from user_terms where ${begun}`,
      meets: sql<SqlBool>`exists (select 1 from user_terms where user_id = users.id and ${begun})`,
    };
  });
  if (roleId !== undefined) {
    const users = sql`select user_id from user_roles where role_id = ${roleId}`;
    searches.push({ users, rows: users, meets: sql`exists (${users} and user_id = users.id)` });
  }
  const byRow = (filtered: UserFilter): Search => {
    const users = sql`select users.id as user_id from users where ${all(conditionsOf(filtered))}`;
    return { users, rows: users, meets: null };
  };
  return [
    ...searches,
    ...(ids === undefined ? [] : [byRow({ ids })]),
    ...((createdFrom || createdTo) && order?.by !== 'createdAt'
      ? [byRow({ ...(createdFrom && { createdFrom }), ...(createdTo && { createdTo }) })]
      : []),
  ];
}

/** The search that the fewest users meet, counted no further than `most`; `isExact`: they are not more. Null where there is none. */
export async function fewest(
  searches: Search[],
  most: number,
  countRows: (query: RawBuilder<unknown>, limit: number) => Promise<number>,
): Promise<{ search: Search; isExact: boolean } | null> {
  let best: Search | null = null;
  let count = Number.POSITIVE_INFINITY;
  for (const search of searches) {
    const found = await countRows(search.rows, Math.min(count, most + 1));
    if (found < count) [best, count] = [search, found];
  }
  return best && { search: best, isExact: count <= most };
}

/** The ids of those who meet a filter, looked up by one of its searches if there is any. */
export function userIds(filter: UserFilter, by: Search | null, meets: RawBuilder<SqlBool>[]): RawBuilder<unknown> {
  const { status, verified, ids, createdFrom, createdTo } = filter;
  const ofRow = [status, verified, ids, createdFrom, createdTo].some((value) => value !== undefined);
  if (!by) return sql`select users.id from users where ${all([...conditionsOf(filter), ...meets])}`;
  if (!ofRow && meets.length === 0) return by.users;
  if (!ofRow)
    return sql`select users.id from (select user_id as id from (${by.users}) as found) as users where ${all(meets)}`;
  const conditions = [sql<SqlBool>`users.id = found.user_id`, ...conditionsOf(filter), ...meets];
  // A cross join, because SQLite keeps its order.
  return sql`select users.id from (${by.users}) as found cross join users where ${all(conditions)}`;
}

/** What the row itself tells. */
export function conditionsOf({ ids, status, verified, createdFrom, createdTo }: UserFilter): RawBuilder<SqlBool>[] {
  return [
    status === undefined ? sql<SqlBool>`users.status <> 'erased'` : sql<SqlBool>`users.status = ${status}`,
    ...(ids === undefined ? [] : [sql<SqlBool>`users.id in (${sql.join([...ids])})`]),
    ...(verified === undefined ? [] : [sql<SqlBool>`users.email_verified = ${verified}`]),
    ...(createdFrom === undefined ? [] : [sql<SqlBool>`users.created_at >= ${createdFrom}`]),
    ...(createdTo === undefined ? [] : [sql<SqlBool>`users.created_at < ${createdTo}`]),
  ];
}

/** All of at least one. */
export function all(conditions: RawBuilder<SqlBool>[]): RawBuilder<SqlBool> {
  return sql`${sql.join(conditions, sql` and `)}`;
}
