import type { Kysely } from 'kysely';
import { addColumns, dropColumns } from '../../../platform/database/change-columns.ts';
import type { Columns } from '../../../platform/database/columns.ts';

/** Missing in rows of the previous version, which may still be running: each has a code of its own. */
const added = (columns: Columns) => ({ code_owner: columns.id() });

/** The registration whose code another one shares. Documents of MongoDB need no change. */
export const sql = {
  up: (db: Kysely<unknown>, columns: Columns) => addColumns(db, 'registrations', added(columns)),
  down: (db: Kysely<unknown>, columns: Columns) => dropColumns(db, 'registrations', Object.keys(added(columns))),
};

export const mongo = {
  async up(): Promise<void> {},
  async down(): Promise<void> {},
};
