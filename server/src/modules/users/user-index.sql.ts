import type { Transaction, Updateable } from 'kysely';
import { userTerms } from './search-terms.ts';
import type { UserRow, UserTables } from './user-rows.sql.ts';
import type { UserRecord } from './user-store.ts';

/** The columns from which the terms of a user are derived. */
const NAMES = ['email_norm', 'username', 'full_name'] as const;

type FollowedColumn = (typeof NAMES)[number] | 'role_ids';

/** Adds a new user to the side tables, `user_terms` and `user_roles`. */
export async function enterUser(trx: Transaction<UserTables>, user: UserRecord): Promise<void> {
  await insertTerms(trx, user.id, userTerms(user));
  await insertRoles(trx, user.id, user.roleIds);
}

/** Updates the side tables from the current row, if `set` changed a column from which they are derived. */
export async function followUser(
  trx: Transaction<UserTables>,
  id: string,
  set: Pick<Updateable<UserRow>, FollowedColumn>,
): Promise<void> {
  if (NAMES.some((column) => set[column] !== undefined)) {
    // Read after the update, which has locked the row, so that the terms are committed together with exactly these names.
    const row = await trx.selectFrom('users').select(NAMES).where('id', '=', id).executeTakeFirstOrThrow();
    const names = { emailNorm: row.email_norm, username: row.username, fullName: row.full_name };
    await trx.deleteFrom('user_terms').where('user_id', '=', id).execute();
    await insertTerms(trx, id, userTerms(names));
  }
  if (typeof set.role_ids === 'string') {
    await trx.deleteFrom('user_roles').where('user_id', '=', id).execute();
    await insertRoles(trx, id, JSON.parse(set.role_ids));
  }
}

async function insertTerms(trx: Transaction<UserTables>, id: string, terms: string[]): Promise<void> {
  if (terms.length === 0) return;
  const rows = terms.map((term) => ({ term, user_id: id }));
  await trx.insertInto('user_terms').values(rows).execute();
}

async function insertRoles(trx: Transaction<UserTables>, id: string, roleIds: string[]): Promise<void> {
  if (roleIds.length === 0) return;
  const rows = [...new Set(roleIds)].map((roleId) => ({ role_id: roleId, user_id: id }));
  await trx.insertInto('user_roles').values(rows).execute();
}
