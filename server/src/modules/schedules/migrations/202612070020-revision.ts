import type { Kysely } from 'kysely';
import { addColumns, dropColumns } from '../../../platform/database/change-columns.ts';
import type { Columns } from '../../../platform/database/columns.ts';

const TABLE = 'schedules';

/** May be missing: the previous version, which may still be running, does not write it. */
const added = (columns: Columns) => ({ revision: columns.int() });

/** The number of changes of a schedule by people and by the code, without its ticks. Documents of MongoDB need no change. */
export const sql = {
  up: (db: Kysely<unknown>, columns: Columns) => addColumns(db, TABLE, added(columns)),
  down: (db: Kysely<unknown>, columns: Columns) => dropColumns(db, TABLE, Object.keys(added(columns))),
};

export const mongo = {
  async up(): Promise<void> {},
  async down(): Promise<void> {},
};
