import type { Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { addColumns, dropColumns } from '../../../platform/database/change-columns.ts';
import type { Columns } from '../../../platform/database/columns.ts';

/** Null for whoever is there, and for those whom the former version still inserts. */
export const sql = {
  up: (db: Kysely<unknown>, columns: Columns) => addColumns(db, 'users', { avatar_id: columns.id() }),
  down: (db: Kysely<unknown>) => dropColumns(db, 'users', ['avatar_id']),
};

/** A document without it reads as null. */
export const mongo = {
  async up(): Promise<void> {},

  async down(db: Db): Promise<void> {
    await db.collection('users').updateMany({}, { $unset: { avatarId: '' } });
  },
};
