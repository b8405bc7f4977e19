import { type ColumnDefinitionBuilder, type Expression, type Kysely, sql as rawSql } from 'kysely';
import type { AnyBulkWriteOperation, Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';
import { userTerms } from '../search-terms.ts';

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const withoutRowid = rawSql`without rowid`;
const no = (column: ColumnDefinitionBuilder) => column.notNull().defaultTo(false);

/** Roles had no records of their own; new users were granted this name. */
const FORMER_ROLE = 'user';
const ROLE = '00000000-0000-7000-8000-000000000003';

/** Users per read. */
const BATCH = 500;
/** Rows per insert, with two values each: SQLite allows 32,766 values. */
const ROWS = 5000;

/** MySQL's error numbers after an earlier run that crashed: the column exists already, or what is to be dropped is gone. */
const COLUMN_EXISTS = 1060;
const NOTHING_TO_DROP = 1091;

/**
 * The orders of the list of users. Each index also contains the columns by which most lists filter, so that only rows that are shown
 * are read themselves.
 */
const ORDERS = ['created_at', 'email_norm', 'username', 'last_login_at'].map((column) => ({
  name: `users_${column}_id`,
  table: 'users',
  on: [column, 'id', 'status', 'email_verified'],
}));
const OF_STATUS = {
  name: 'users_status_created_at',
  table: 'users',
  on: ['status', 'created_at', 'id', 'email_verified'],
};

interface Names {
  id: string;
  email_norm: string | null;
  username: string | null;
  full_name: string | null;
  role_ids: string;
}

type Tables = {
  users: Names & { superadmin_mark: boolean };
  user_terms: { term: string; user_id: string };
  user_roles: { role_id: string; user_id: string };
  superadmins: { user_ids: string };
};

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await addColumn(db, 'invitation_id', columns.id());
    await addColumn(db, 'invitation_key_id', columns.text(64));
    await addColumn(db, 'invitation_expires_at', columns.time());
    await addColumn(db, 'superadmin_mark', columns.bool(), no);
    await createSideTable(db, columns, 'user_terms', 'term', columns.text(320));
    await createSideTable(db, columns, 'user_roles', 'role_id', columns.id());

    const tables = db.withTables<Tables>();
    await replaceRole(tables, FORMER_ROLE, ROLE);
    await eachBatch(tables, (users) => fillSideTables(tables, users));
    const superadmins = await tables.selectFrom('superadmins').select('user_ids').execute();
    const marked: string[] = superadmins.flatMap((row) => JSON.parse(row.user_ids));
    if (marked.length > 0) {
      await tables.updateTable('users').set({ superadmin_mark: true }).where('id', 'in', marked).execute();
    }

    for (const index of [...ORDERS, OF_STATUS]) await createIndex(db, columns, index);
  },

  async down(db: Kysely<unknown>, { dialect }: Columns): Promise<void> {
    for (const { name } of [...ORDERS, OF_STATUS]) {
      const drop = db.schema.dropIndex(name);
      await (dialect === 'mysql' ? ignoring(NOTHING_TO_DROP, drop.on('users')) : drop.ifExists().execute());
    }
    await db.schema.dropTable('user_terms').ifExists().execute();
    await db.schema.dropTable('user_roles').ifExists().execute();
    await replaceRole(db.withTables<Tables>(), ROLE, FORMER_ROLE);
    for (const column of ['invitation_id', 'invitation_key_id', 'invitation_expires_at', 'superadmin_mark']) {
      await ignoring(NOTHING_TO_DROP, db.schema.alterTable('users').dropColumn(column));
    }
  },
};

/** Ignores a column that a crash left behind, which is possible only on MySQL. */
function addColumn(
  db: Kysely<unknown>,
  name: string,
  type: Expression<unknown>,
  build: (column: ColumnDefinitionBuilder) => ColumnDefinitionBuilder = (column) => column,
): Promise<void> {
  return ignoring(COLUMN_EXISTS, db.schema.alterTable('users').addColumn(name, type as Expression<never>, build));
}

async function ignoring(errno: number, statement: { execute(): Promise<unknown> }): Promise<void> {
  try {
    await statement.execute();
  } catch (error) {
    if ((error as { errno?: number }).errno !== errno) throw error;
  }
}

/** `column, user_id` finds the users, and `user_id, column` tells whether one user is among them. */
async function createSideTable(
  db: Kysely<unknown>,
  columns: Columns,
  table: 'user_terms' | 'user_roles',
  column: string,
  type: Expression<unknown>,
): Promise<void> {
  const create = db.schema
    .createTable(table)
    .ifNotExists()
    .addColumn(column, type as Expression<never>, required)
    .addColumn('user_id', columns.id(), required)
    .addPrimaryKeyConstraint(`${table}_key`, [column, 'user_id'] as never[]);
  await (columns.dialect === 'sqlite' ? create.modifyEnd(withoutRowid) : create).execute();
  await createIndex(db, columns, { name: `${table}_user_id`, table, on: ['user_id', column] });
}

async function replaceRole(db: Kysely<Tables>, from: string, to: string): Promise<void> {
  await eachBatch(db, async (users) => {
    // Most users have the same roles: one statement changes all of them.
    for (const [present, ids] of groupIds(users)) {
      const roleIds = renamed(JSON.parse(present), from, to);
      if (roleIds === null) continue;
      await db
        .updateTable('users')
        .set({ role_ids: JSON.stringify(roleIds) })
        .where('id', 'in', ids)
        .execute();
    }
  });
}

function groupIds(users: Names[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { id, role_ids } of users) groups.set(role_ids, [...(groups.get(role_ids) ?? []), id]);
  return groups;
}

/** Null if `from` is not among them. */
function renamed(roleIds: string[], from: string, to: string): string[] | null {
  if (!roleIds.includes(from)) return null;
  return [...new Set(roleIds.map((id) => (id === from ? to : id)))];
}

async function eachBatch(db: Kysely<Tables>, work: (users: Names[]) => Promise<void>): Promise<void> {
  for (let last = ''; ; ) {
    const users = await db
      .selectFrom('users')
      .select(['id', 'email_norm', 'username', 'full_name', 'role_ids'])
      .where('id', '>', last)
      .orderBy('id')
      .limit(BATCH)
      .execute();
    if (users.length > 0) await work(users);
    if (users.length < BATCH) return;
    last = users.at(-1)?.id ?? '';
  }
}

async function fillSideTables(db: Kysely<Tables>, users: Names[]): Promise<void> {
  const ids = users.map(({ id }) => id);
  // Removes what an earlier run wrote before a crash.
  await db.deleteFrom('user_terms').where('user_id', 'in', ids).execute();
  await db.deleteFrom('user_roles').where('user_id', 'in', ids).execute();
  const terms = users.flatMap(({ id, email_norm: emailNorm, username, full_name: fullName }) =>
    userTerms({ emailNorm, username, fullName }).map((term) => ({ term, user_id: id })),
  );
  const roles = users.flatMap(({ id, role_ids: roleIds }) =>
    [...new Set<string>(JSON.parse(roleIds))].map((roleId) => ({ role_id: roleId, user_id: id })),
  );
  for (const rows of chunks(terms)) await db.insertInto('user_terms').values(rows).execute();
  for (const rows of chunks(roles)) await db.insertInto('user_roles').values(rows).execute();
}

function* chunks<T>(rows: T[]): Generator<T[]> {
  for (let start = 0; start < rows.length; start += ROWS) yield rows.slice(start, start + ROWS);
}

interface UserDocument {
  _id: string;
  emailNorm: string | null;
  username: string | null;
  fullName: string | null;
  roleIds: string[];
}

const MONGO_INDEXES = [
  { name: 'users_terms', key: { terms: 1 } },
  { name: 'users_roles', key: { roleIds: 1 } },
  { name: 'users_created', key: { createdAt: 1, _id: 1 } },
  { name: 'users_email', key: { emailNorm: 1, _id: 1 } },
  { name: 'users_username', key: { username: 1, _id: 1 } },
  { name: 'users_last_login', key: { lastLoginAt: 1, _id: 1 } },
  { name: 'users_status_created', key: { status: 1, createdAt: 1, _id: 1 } },
] as const;

export const mongo = {
  async up(db: Db): Promise<void> {
    const users = db.collection<UserDocument>('users');
    await users.updateMany({ invitation: { $exists: false } }, { $set: { invitation: null, superadminMark: false } });
    const rename = (roleIds: string[]) => renamed(roleIds, FORMER_ROLE, ROLE) ?? roleIds;
    await eachDocument(db, { terms: { $exists: false } }, (user) => ({
      terms: userTerms(user),
      roleIds: rename(user.roleIds),
    }));
    const record = await db.collection<{ userIds: string[] }>('superadmins').findOne({});
    await users.updateMany({ _id: { $in: record?.userIds ?? [] } }, { $set: { superadminMark: true } });
    await users.createIndexes([...MONGO_INDEXES]);
  },

  async down(db: Db): Promise<void> {
    const users = db.collection<UserDocument>('users');
    const present = new Set((await users.indexes()).map(({ name }) => name));
    for (const { name } of MONGO_INDEXES) if (present.has(name)) await users.dropIndex(name);
    await eachDocument(db, { roleIds: ROLE }, ({ roleIds }) => ({
      roleIds: renamed(roleIds, ROLE, FORMER_ROLE) ?? roleIds,
    }));
    await users.updateMany({}, { $unset: { invitation: '', superadminMark: '', terms: '' } });
  },
};

async function eachDocument(
  db: Db,
  filter: object,
  change: (user: UserDocument) => Partial<UserDocument> & { terms?: string[] },
): Promise<void> {
  const users = db.collection<UserDocument>('users');
  let writes: AnyBulkWriteOperation<UserDocument>[] = [];
  const write = async () => {
    if (writes.length > 0) await users.bulkWrite(writes, { ordered: false });
    writes = [];
  };
  for await (const user of users.find(filter).sort({ _id: 1 })) {
    writes.push({ updateOne: { filter: { _id: user._id }, update: { $set: change(user) } } });
    if (writes.length >= BATCH) await write();
  }
  await write();
}
