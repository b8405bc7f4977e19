import { type Kysely, sql as raw } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';

const MYSQL_NO_SUCH_INDEX = 1091;
const MONGODB_NO_SUCH_INDEX = 27;

/** What administrators look for; a user's and a target's events were found before. */
const INDEXES = [
  { name: 'events_type_id', on: ['type', 'id'], key: { type: 1, _id: 1 } },
  { name: 'events_actor_id_id', on: ['actor_id', 'id'], key: { actorId: 1, _id: 1 } },
  { name: 'events_request_id_id', on: ['request_id', 'id'], key: { requestId: 1, _id: 1 } },
] as const;

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    for (const { name, on } of INDEXES) await createIndex(db, columns, { name, table: 'events', on: [...on] });
  },

  async down(db: Kysely<unknown>, { dialect }: Columns): Promise<void> {
    for (const { name } of INDEXES) {
      if (dialect !== 'mysql') await db.schema.dropIndex(name).ifExists().execute();
      else {
        await raw`drop index ${raw.ref(name)} on events`.execute(db).catch((error) => {
          if (error.errno !== MYSQL_NO_SUCH_INDEX) throw error;
        });
      }
    }
  },
};

export const mongo = {
  async up(db: Db): Promise<void> {
    await db.collection('events').createIndexes(INDEXES.map(({ name, key }) => ({ name, key })));
  },

  async down(db: Db): Promise<void> {
    for (const { name } of INDEXES) {
      await db
        .collection('events')
        .dropIndex(name)
        .catch((error) => {
          if (error.code !== MONGODB_NO_SUCH_INDEX) throw error;
        });
    }
  },
};
