import type { Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { addColumns, dropColumns } from '../../../platform/database/change-columns.ts';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';
import { dropIndex, dropMongoIndex } from '../../../platform/database/drop-index.ts';

const NAME = 'users_external_id';

/** Null for whoever was not imported: a unique index ignores those rows. */
export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await addColumns(db, 'users', { external_id: columns.text(255) });
    await createIndex(db, columns, { name: NAME, table: 'users', on: ['external_id'], unique: true });
  },

  async down(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await dropIndex(db, columns, { name: NAME, table: 'users' });
    await dropColumns(db, 'users', ['external_id']);
  },
};

/** A document without it reads as null. */
export const mongo = {
  async up(db: Db): Promise<void> {
    await db
      .collection('users')
      .createIndex(
        { externalId: 1 },
        { name: NAME, unique: true, partialFilterExpression: { externalId: { $gte: '' } } },
      );
  },

  async down(db: Db): Promise<void> {
    await dropMongoIndex(db, { name: NAME, collection: 'users' });
    await db.collection('users').updateMany({}, { $unset: { externalId: '' } });
  },
};
