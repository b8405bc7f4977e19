import type { Expression, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import type { Columns } from '../../../platform/database/columns.ts';

const EPOCHS = ['grant_epoch', 'credential_epoch'];

/** What MySQL says, and where a crash can leave half of a migration behind. */
const COLUMN_EXISTS = 1060;
const NOTHING_TO_DROP = 1091;

/** With a default: the former version goes on inserting users beside this one during a rolling update. */
export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    for (const epoch of EPOCHS) {
      const type = columns.int() as Expression<never>;
      const add = db.schema.alterTable('users').addColumn(epoch, type, (column) => column.notNull().defaultTo(0));
      await ignoring(COLUMN_EXISTS, add);
    }
  },

  async down(db: Kysely<unknown>): Promise<void> {
    for (const epoch of EPOCHS) await ignoring(NOTHING_TO_DROP, db.schema.alterTable('users').dropColumn(epoch));
  },
};

async function ignoring(errno: number, statement: { execute(): Promise<unknown> }): Promise<void> {
  try {
    await statement.execute();
  } catch (error) {
    if ((error as { errno?: number }).errno !== errno) throw error;
  }
}

/** A document without them reads as 0. */
export const mongo = {
  async up(): Promise<void> {},

  async down(db: Db): Promise<void> {
    await db.collection('users').updateMany({}, { $unset: { grantEpoch: '', credentialEpoch: '' } });
  },
};
