import type { Kysely } from 'kysely';
import { addColumns, dropColumns } from '../../../platform/database/change-columns.ts';
import type { Columns } from '../../../platform/database/columns.ts';

/** The first secret needs none, and so do documents of MongoDB that were there before. */
export const sql = {
  up: (db: Kysely<unknown>, columns: Columns) =>
    addColumns(db, 'secret_checks', { sealed_mask_key: columns.text(512) }),
  down: (db: Kysely<unknown>) => dropColumns(db, 'secret_checks', ['sealed_mask_key']),
};

export const mongo = {
  async up(): Promise<void> {},
  async down(): Promise<void> {},
};
