import type { Transaction, Updateable } from 'kysely';
import { TERMS_VERSION, userTerms } from './search-terms.ts';
import type { UserRow, UserTables } from './user-rows.sql.ts';
import type { UserRecord } from './user-store.ts';

/** Rows per insert, with two values each. */
const ROWS = 5000;

/** The columns from which the terms of a user are derived. */
const NAMES = ['email_norm', 'username', 'full_name'] as const;

type FollowedColumn = (typeof NAMES)[number] | 'role_ids';

/** Whether `set` changes a column from which the terms are derived. */
export const changesTerms = (set: Pick<Updateable<UserRow>, FollowedColumn>): boolean =>
  NAMES.some((column) => set[column] !== undefined);

/** Whether `set` changes anything from which the side tables are derived. */
export const isFollowed = (set: Pick<Updateable<UserRow>, FollowedColumn>): boolean =>
  changesTerms(set) || typeof set.role_ids === 'string';

/** Adds a new user to the side tables, `user_terms` and `user_roles`. */
export async function enterUser(trx: Transaction<UserTables>, user: UserRecord): Promise<void> {
  const terms = userTerms(user).map((term) => ({ term, user_id: user.id }));
  if (terms.length > 0) await trx.insertInto('user_terms').values(terms).execute();
  await insertRoles(trx, user.id, user.roleIds);
}

/** Updates the side tables from the current row, if `set` changed a column from which they are derived. */
export async function followUser(
  trx: Transaction<UserTables>,
  id: string,
  set: Pick<Updateable<UserRow>, FollowedColumn>,
): Promise<void> {
  if (changesTerms(set)) await rewriteTerms(trx, [id]);
  if (typeof set.role_ids === 'string') {
    await trx.deleteFrom('user_roles').where('user_id', '=', id).execute();
    await insertRoles(trx, id, JSON.parse(set.role_ids));
  }
}

/** Writes the terms of these users again. They are marked first, which locks their rows. */
export async function rebuildTermsOf(trx: Transaction<UserTables>, ids: readonly string[]): Promise<void> {
  await trx.updateTable('users').set({ terms_version: TERMS_VERSION }).where('id', 'in', ids).execute();
  await rewriteTerms(trx, ids);
}

/** Reads the names after an update, which has locked the rows, so that the terms are committed together with exactly these names. */
async function rewriteTerms(trx: Transaction<UserTables>, ids: readonly string[]): Promise<void> {
  const rows = await trx
    .selectFrom('users')
    .select(['id', ...NAMES])
    .where('id', 'in', ids)
    .execute();
  await trx.deleteFrom('user_terms').where('user_id', 'in', ids).execute();
  const terms = rows.flatMap(({ id, email_norm: emailNorm, username, full_name: fullName }) =>
    userTerms({ emailNorm, username, fullName }).map((term) => ({ term, user_id: id })),
  );
  // SQLite allows 32,766 values in a statement.
  for (let start = 0; start < terms.length; start += ROWS) {
    await trx
      .insertInto('user_terms')
      .values(terms.slice(start, start + ROWS))
      .execute();
  }
}

async function insertRoles(trx: Transaction<UserTables>, id: string, roleIds: string[]): Promise<void> {
  if (roleIds.length === 0) return;
  const rows = [...new Set(roleIds)].map((roleId) => ({ role_id: roleId, user_id: id }));
  await trx.insertInto('user_roles').values(rows).execute();
}
