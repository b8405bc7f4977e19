import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { addColumns, dropColumns } from '../../../platform/database/change-columns.ts';
import type { Columns } from '../../../platform/database/columns.ts';

const zero = (column: ColumnDefinitionBuilder) => column.notNull().defaultTo(0);

/** With a default, because the former version still inserts users during a rolling update. */
export const sql = {
  up: (db: Kysely<unknown>, columns: Columns) =>
    addColumns(db, 'users', { grant_epoch: columns.int(), credential_epoch: columns.int() }, zero),
  down: (db: Kysely<unknown>) => dropColumns(db, 'users', ['grant_epoch', 'credential_epoch']),
};

/** A document without them reads as 0. */
export const mongo = {
  async up(): Promise<void> {},

  async down(db: Db): Promise<void> {
    await db.collection('users').updateMany({}, { $unset: { grantEpoch: '', credentialEpoch: '' } });
  },
};
