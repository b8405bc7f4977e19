import type { Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { addColumns, dropColumns } from '../../../platform/database/change-columns.ts';
import type { Columns } from '../../../platform/database/columns.ts';

/** With defaults, because the former version still inserts roles during a rolling update. Roles that are there demand nothing. */
export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await addColumns(db, 'roles', { mfa: columns.text(20) }, (column) => column.notNull().defaultTo('off'));
    await addColumns(db, 'roles', { trust_devices: columns.bool() }, (column) => column.notNull().defaultTo(false));
  },
  down: (db: Kysely<unknown>) => dropColumns(db, 'roles', ['mfa', 'trust_devices']),
};

/** A document without them reads as `off` and false. */
export const mongo = {
  async up(): Promise<void> {},

  async down(db: Db): Promise<void> {
    await db.collection('roles').updateMany({}, { $unset: { mfa: '', trustDevices: '' } });
  },
};
