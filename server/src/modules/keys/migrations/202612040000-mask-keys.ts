import type { Expression, Kysely } from 'kysely';
import type { Columns } from '../../../platform/database/columns.ts';

/** What MySQL says, and where a crash can leave half of a migration behind. */
const COLUMN_EXISTS = 1060;
const NOTHING_TO_DROP = 1091;

/** The first secret needs none, and so do documents of MongoDB that were there before. */
export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    const type = columns.text(512) as Expression<never>;
    await ignoring(COLUMN_EXISTS, db.schema.alterTable('secret_checks').addColumn('sealed_mask_key', type));
  },

  async down(db: Kysely<unknown>): Promise<void> {
    await ignoring(NOTHING_TO_DROP, db.schema.alterTable('secret_checks').dropColumn('sealed_mask_key'));
  },
};

async function ignoring(errno: number, statement: { execute(): Promise<unknown> }): Promise<void> {
  try {
    await statement.execute();
  } catch (error) {
    if ((error as { errno?: number }).errno !== errno) throw error;
  }
}

export const mongo = {
  async up(): Promise<void> {},
  async down(): Promise<void> {},
};
