import type { Kysely } from 'kysely';
import { addColumns, dropColumns } from '../../../platform/database/change-columns.ts';
import type { Columns } from '../../../platform/database/columns.ts';

const TABLE = 'challenges';

/** The previous version, which may still be running, writes none of these. */
const asked = (columns: Columns) => ({ locale: columns.text(64), return_to: columns.longText() });
const counted = (columns: Columns) => ({ tries: columns.int() });
const versioned = (columns: Columns) => ({ version: columns.int() });

/** What sign-ins by mail keep of their challenges. Documents of MongoDB need no change. */
export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await addColumns(db, TABLE, asked(columns));
    await addColumns(db, TABLE, counted(columns), (column) => column.notNull().defaultTo(0));
    await addColumns(db, TABLE, versioned(columns), (column) => column.notNull().defaultTo(1));
  },
  down: (db: Kysely<unknown>, columns: Columns) =>
    dropColumns(db, TABLE, Object.keys({ ...asked(columns), ...counted(columns), ...versioned(columns) })),
};

export const mongo = {
  async up(): Promise<void> {},
  async down(): Promise<void> {},
};
