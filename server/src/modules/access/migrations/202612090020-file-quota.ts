import type { Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { addColumns, dropColumns } from '../../../platform/database/change-columns.ts';
import type { Columns } from '../../../platform/database/columns.ts';

/** Null: roles that are there set no quota. */
export const sql = {
  up: (db: Kysely<unknown>, columns: Columns) =>
    addColumns(db, 'roles', { quota_bytes: columns.int(), quota_files: columns.int() }),
  down: (db: Kysely<unknown>) => dropColumns(db, 'roles', ['quota_bytes', 'quota_files']),
};

/** A document without it reads as null. */
export const mongo = {
  async up(): Promise<void> {},

  async down(db: Db): Promise<void> {
    await db.collection('roles').updateMany({}, { $unset: { fileQuota: '' } });
  },
};
