import { type Kysely, sql as raw } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';
import { dropIndex, dropMongoIndex } from '../../../platform/database/drop-index.ts';

const NAME = 'users_deleted_at';

/** For erasures. Partial, because few users are deleted. */
export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    const where = raw<boolean>`deleted_at is not null`;
    await createIndex(db, columns, { name: NAME, table: 'users', on: ['deleted_at'], where });
  },

  down: (db: Kysely<unknown>, columns: Columns) => dropIndex(db, columns, { name: NAME, table: 'users' }),
};

export const mongo = {
  async up(db: Db): Promise<void> {
    const partialFilterExpression = { deletedAt: { $type: 'date' } };
    await db.collection('users').createIndex({ deletedAt: 1 }, { name: NAME, partialFilterExpression });
  },

  down: (db: Db) => dropMongoIndex(db, { name: NAME, collection: 'users' }),
};
