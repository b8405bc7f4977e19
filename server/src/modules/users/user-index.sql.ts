import type { Transaction, Updateable } from 'kysely';
import { userTerms } from './search-terms.ts';
import type { UserRow, UserTables } from './user-rows.sql.ts';
import type { UserRecord } from './user-store.ts';

/** The columns that a user's terms follow from. */
const NAMES = ['email_norm', 'username', 'full_name'] as const;

type FollowedColumn = (typeof NAMES)[number] | 'role_ids';

/** Enters a new user into the side tables. */
export async function enterUser(trx: Transaction<UserTables>, user: UserRecord): Promise<void> {
  await insertTerms(trx, user.id, userTerms(user));
  await insertRoles(trx, user.id, user.roleIds);
}

/** Brings the side tables up to what the row says now, where `set` touched what they follow from. */
export async function followUser(
  trx: Transaction<UserTables>,
  id: string,
  set: Pick<Updateable<UserRow>, FollowedColumn>,
): Promise<void> {
  if (NAMES.some((column) => set[column] !== undefined)) {
    // After the update, which has locked the row: what is read is what is committed together with the terms.
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
