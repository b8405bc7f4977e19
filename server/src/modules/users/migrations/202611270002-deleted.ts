import { type Kysely, sql as raw } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';

const NAME = 'users_deleted_at';
const MYSQL_NO_SUCH_INDEX = 1091;
const MONGODB_NO_SUCH_INDEX = 27;

/** For who is to be erased: few of all are deleted. */
export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    const where = raw<boolean>`deleted_at is not null`;
    await createIndex(db, columns, { name: NAME, table: 'users', on: ['deleted_at'], where });
  },

  async down(db: Kysely<unknown>, { dialect }: Columns): Promise<void> {
    if (dialect !== 'mysql') await db.schema.dropIndex(NAME).ifExists().execute();
    else {
      await raw`drop index ${raw.ref(NAME)} on users`.execute(db).catch((error) => {
        if (error.errno !== MYSQL_NO_SUCH_INDEX) throw error;
      });
    }
  },
};

export const mongo = {
  async up(db: Db): Promise<void> {
    const partialFilterExpression = { deletedAt: { $type: 'date' } };
    await db.collection('users').createIndex({ deletedAt: 1 }, { name: NAME, partialFilterExpression });
  },

  async down(db: Db): Promise<void> {
    await db
      .collection('users')
      .dropIndex(NAME)
      .catch((error) => {
        if (error.code !== MONGODB_NO_SUCH_INDEX) throw error;
      });
  },
};
