import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const key = (column: ColumnDefinitionBuilder) => column.primaryKey().notNull();

/** The sweep uses this index to find documents that still carry an event; it holds no others. */
const OUTBOX = {
  name: 'outbox',
  key: { 'outbox._id': 1 },
  partialFilterExpression: { 'outbox._id': { $exists: true } },
} as const;

const NOTHING = { buttons: [], menus: [] };
const USUAL_RATE = { max: 3000, windowSeconds: 60 };

/** `*:/api/v1/*` grants all routes except sensitive ones. */
const ROLES = [
  role(1, 'superadmin', 'Superadmin', 'Everything, and who else is one.', {
    permissions: ['*'],
    uiPermissions: { buttons: ['*'], menus: ['*'] },
  }),
  role(2, 'admin', 'Administrator', 'Everything but what is marked sensitive.', { permissions: ['*:/api/v1/*'] }),
  role(3, 'user', 'User', 'Everybody who has an account.'),
  role(4, 'guest', 'Guest', 'An account that may look around.', { rateLimit: { max: 24, windowSeconds: 86_400 } }),
];

function role(
  number: number,
  code: string,
  name: string,
  description: string,
  { permissions = [] as string[], uiPermissions = NOTHING as Record<string, string[]>, rateLimit = USUAL_RATE } = {},
) {
  const id = `00000000-0000-7000-8000-00000000000${number}`;
  return { id, code, name, description, permissions, uiPermissions, rateLimit };
}

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('roles')
      .ifNotExists()
      .addColumn('id', columns.id(), key)
      .addColumn('code', columns.text(64), required)
      .addColumn('name', columns.text(100), required)
      .addColumn('description', columns.text(500))
      .addColumn('enabled', columns.bool(), required)
      .addColumn('built_in', columns.bool(), required)
      .addColumn('permissions', columns.json(), required)
      .addColumn('ui_permissions', columns.json(), required)
      .addColumn('rate_max', columns.int())
      .addColumn('rate_window_seconds', columns.int())
      .addColumn('created_at', columns.time(), required)
      .addColumn('updated_at', columns.time(), required)
      .addColumn('version', columns.int(), required)
      .execute();
    await createIndex(db, columns, { name: 'roles_code', table: 'roles', on: ['code'], unique: true });

    const now = new Date();
    const rows = ROLES.map(({ permissions, uiPermissions, rateLimit, ...plain }) => ({
      ...plain,
      enabled: true,
      built_in: true,
      permissions: JSON.stringify(permissions),
      ui_permissions: JSON.stringify(uiPermissions),
      rate_max: rateLimit.max,
      rate_window_seconds: rateLimit.windowSeconds,
      created_at: now,
      updated_at: now,
      version: 1,
    }));
    const tables = db.withTables<{ roles: (typeof rows)[number] }>();
    const known = await tables.selectFrom('roles').select('id').execute();
    const missing = rows.filter(({ id }) => !known.some((there) => there.id === id));
    if (missing.length > 0) await tables.insertInto('roles').values(missing).execute();
  },

  async down(db: Kysely<unknown>): Promise<void> {
    await db.schema.dropTable('roles').ifExists().execute();
  },
};

export const mongo = {
  async up(db: Db): Promise<void> {
    const roles = db.collection<{ _id: string }>('roles');
    await roles.createIndexes([
      // `$gte: ''` matches any text, but not null.
      { name: 'roles_code', key: { code: 1 }, unique: true, partialFilterExpression: { code: { $gte: '' } } },
      OUTBOX,
    ]);
    const now = new Date();
    for (const { id, ...fields } of ROLES) {
      const document = {
        ...fields,
        enabled: true,
        builtIn: true,
        createdAt: now,
        updatedAt: now,
        version: 1,
        outbox: [],
      };
      await roles.updateOne({ _id: id }, { $setOnInsert: document }, { upsert: true });
    }
  },

  async down(db: Db): Promise<void> {
    await db.dropCollection('roles');
  },
};
