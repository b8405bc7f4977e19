import type { Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';
import { dropIndex, dropMongoIndex } from '../../../platform/database/drop-index.ts';

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

  async down(db: Kysely<unknown>, columns: Columns): Promise<void> {
    for (const { name } of INDEXES) await dropIndex(db, columns, { name, table: 'events' });
  },
};

export const mongo = {
  async up(db: Db): Promise<void> {
    await db.collection('events').createIndexes(INDEXES.map(({ name, key }) => ({ name, key })));
  },

  async down(db: Db): Promise<void> {
    for (const { name } of INDEXES) await dropMongoIndex(db, { name, collection: 'events' });
  },
};
