import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { addColumns, dropColumns } from '../../../platform/database/change-columns.ts';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';
import { dropIndex, dropMongoIndex } from '../../../platform/database/drop-index.ts';

const NAME = 'users_terms_version';

const one = (column: ColumnDefinitionBuilder) => column.notNull().defaultTo(1);

/** For the job that writes terms of an earlier version again. With a default, because the former version still inserts users. */
export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await addColumns(db, 'users', { terms_version: columns.int() }, one);
    await createIndex(db, columns, { name: NAME, table: 'users', on: ['terms_version', 'id'] });
  },

  async down(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await dropIndex(db, columns, { name: NAME, table: 'users' });
    await dropColumns(db, 'users', ['terms_version']);
  },
};

/** A document without a version counts as 1. */
export const mongo = {
  async up(db: Db): Promise<void> {
    await db.collection('users').createIndex({ termsVersion: 1, _id: 1 }, { name: NAME });
  },

  async down(db: Db): Promise<void> {
    await dropMongoIndex(db, { name: NAME, collection: 'users' });
    await db.collection('users').updateMany({}, { $unset: { termsVersion: '' } });
  },
};
