import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Dialect } from '../../platform/database/database.ts';
import { endOfPrefix } from './search-terms.ts';
import type { UserFilter, UserOrder } from './user-store.ts';

/** A condition that has an index of its own. */
export interface Search {
  /** Selects the ids of the users who meet it, each once, as `user_id`. */
  users: RawBuilder<unknown>;
  /** The same, possibly with duplicates: faster to count. */
  rows: RawBuilder<unknown>;
  /** Whether `users.id` meets it; null if `conditionsOf` checks it. */
  meets: RawBuilder<SqlBool> | null;
}

/** The conditions of a filter that have an index, besides the index of the order. */
export function searchesOf(filter: UserFilter, order: UserOrder, dialect: Dialect): Search[] {
  const { terms = [], roleId, anyRoleIds, ids, createdFrom, createdTo } = filter;
  const searches = terms.map((term) => {
    const end = endOfPrefix(term);
    const begun = end === null ? sql`term >= ${term}` : sql`term >= ${term} and term < ${end}`;
    return {
      users: sql`select distinct user_id from user_terms where ${begun}`,
      rows: sql`select user_id from user_terms where ${begun}`,
      meets: hasTerm(begun, dialect),
    };
  });
  if (roleId !== undefined) {
    const users = sql`select user_id from user_roles where role_id = ${roleId}`;
    searches.push({ users, rows: users, meets: sql`exists (${users} and user_id = users.id)` });
  }
  if (anyRoleIds !== undefined) {
    const rows = sql`select user_id from user_roles where role_id in (${sql.join([...anyRoleIds])})`;
    const users = sql`select distinct user_id from (${rows}) as holders`;
    searches.push({ users, rows, meets: sql`exists (${rows} and user_id = users.id)` });
  }
  const byRow = (filtered: UserFilter): Search => {
    const users = sql`select users.id as user_id from users where ${all(conditionsOf(filtered))}`;
    return { users, rows: users, meets: null };
  };
  return [
    ...searches,
    ...(ids === undefined ? [] : [byRow({ ids })]),
    ...((createdFrom || createdTo) && order.by !== 'createdAt'
      ? [byRow({ ...(createdFrom && { createdFrom }), ...(createdTo && { createdTo }) })]
      : []),
  ];
}

/** Whether a filter needs columns of `users`. `erased` users need no check: they are in no side table. */
export function asksRow({ ids, status, verified, createdFrom, createdTo }: UserFilter): boolean {
  return [ids, status, verified, createdFrom, createdTo].some((value) => value !== undefined);
}

/** MariaDB turns `exists` into a join with all users who have the term; a subquery for a value stays a look-up. */
function hasTerm(begun: RawBuilder<unknown>, dialect: Dialect): RawBuilder<SqlBool> {
  if (dialect !== 'mysql') return sql`exists (select 1 from user_terms where user_id = users.id and ${begun})`;
  const own = sql`user_terms force index (user_terms_user_id) where user_id = users.id`;
  return sql`(select 1 from ${own} and ${begun} limit 1) = 1`;
}

/** The conditions on columns of `users`. */
export function conditionsOf({ ids, status, verified, createdFrom, createdTo }: UserFilter): RawBuilder<SqlBool>[] {
  return [
    status === undefined ? sql<SqlBool>`users.status <> 'erased'` : sql<SqlBool>`users.status = ${status}`,
    ...(ids === undefined ? [] : [sql<SqlBool>`users.id in (${sql.join([...ids])})`]),
    ...(verified === undefined ? [] : [sql<SqlBool>`users.email_verified = ${verified}`]),
    ...(createdFrom === undefined ? [] : [sql<SqlBool>`users.created_at >= ${createdFrom}`]),
    ...(createdTo === undefined ? [] : [sql<SqlBool>`users.created_at < ${createdTo}`]),
  ];
}

/** Joins at least one condition by `and`. */
export function all(conditions: RawBuilder<SqlBool>[]): RawBuilder<SqlBool> {
  return sql`${sql.join(conditions, sql` and `)}`;
}
