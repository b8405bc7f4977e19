import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const key = (column: ColumnDefinitionBuilder) => column.primaryKey().notNull();

/** The sweep finds by it the documents that still carry an event; the others are not in it. */
const OUTBOX = {
  name: 'outbox',
  key: { 'outbox._id': 1 },
  partialFilterExpression: { 'outbox._id': { $exists: true } },
} as const;

type Time = string | Date;

interface Common {
  id: string;
  algorithm: string;
  public_jwk: string;
  sealed_private_key: string;
  created_at: Time;
  activated_at: Time | null;
  version: number;
}

type Tables = {
  /** Before. */
  signing_keys: Common & { status: string; active_slot: string | null; retired_at: Time | null };
  /** After. */
  server_keys: Common & { use: string; place: number };
};

/** Keys used to be of one kind and to store what they were; from here on that follows from their places. All that there were are active. */
export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('server_keys')
      .ifNotExists()
      .addColumn('id', columns.text(64), key)
      .addColumn('use', columns.text(8), required)
      .addColumn('place', columns.int(), required)
      .addColumn('algorithm', columns.text(20), required)
      .addColumn('public_jwk', columns.json(), required)
      .addColumn('sealed_private_key', columns.longText(), required)
      .addColumn('created_at', columns.time(), required)
      .addColumn('activated_at', columns.time())
      .addColumn('version', columns.int(), required)
      .execute();
    await createIndex(db, columns, {
      name: 'server_keys_use_place',
      table: 'server_keys',
      on: ['use', 'place'],
      unique: true,
    });

    const tables = db.withTables<Tables>();
    // MySQL commits each step: after a crash, the former table may be gone already.
    if (await hasTable(db, 'signing_keys')) {
      const rows = await tables.selectFrom('signing_keys').selectAll().orderBy('id').execute();
      const present = new Set((await tables.selectFrom('server_keys').select('id').execute()).map(({ id }) => id));
      for (const [index, { status: _, active_slot: __, retired_at: ___, ...row }] of rows.entries()) {
        if (present.has(row.id)) continue;
        await tables
          .insertInto('server_keys')
          .values({ ...row, use: 'sig', place: index + 1 })
          .execute();
      }
      await db.schema.dropTable('signing_keys').ifExists().execute();
    }
  },

  /** Keys for encryption have no place there. Of each algorithm the latest key stays active. */
  async down(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('signing_keys')
      .ifNotExists()
      .addColumn('id', columns.text(64), key)
      .addColumn('algorithm', columns.text(20), required)
      .addColumn('status', columns.text(20), required)
      .addColumn('active_slot', columns.text(20))
      .addColumn('public_jwk', columns.json(), required)
      .addColumn('sealed_private_key', columns.longText(), required)
      .addColumn('created_at', columns.time(), required)
      .addColumn('activated_at', columns.time())
      .addColumn('retired_at', columns.time())
      .addColumn('version', columns.int(), required)
      .execute();
    await createIndex(db, columns, {
      name: 'signing_keys_active_slot',
      table: 'signing_keys',
      on: ['active_slot'],
      unique: true,
    });
    if (!(await hasTable(db, 'server_keys'))) return;
    const tables = db.withTables<Tables>();
    const rows = await tables.selectFrom('server_keys').selectAll().where('use', '=', 'sig').orderBy('place').execute();
    const present = new Set((await tables.selectFrom('signing_keys').select('id').execute()).map(({ id }) => id));
    for (const { use: _, place: __, ...row } of rows) {
      if (present.has(row.id)) continue;
      const former = formerOf(row.id, rows);
      await tables
        .insertInto('signing_keys')
        .values({ ...row, status: former.status, active_slot: former.activeSlot, retired_at: former.retiredAt })
        .execute();
    }
    await db.schema.dropTable('server_keys').ifExists().execute();
  },
};

async function hasTable(db: Kysely<unknown>, table: string): Promise<boolean> {
  return (await db.introspection.getTables()).some(({ name }) => name === table);
}

/** What the former version said of a key. */
function formerOf<T extends { id: string; algorithm: string; activated_at: Time | null }>(id: string, rows: T[]) {
  const at = rows.findIndex((row) => row.id === id);
  const algorithm = rows[at]?.algorithm ?? '';
  const successor = rows.slice(at + 1).find((row) => row.algorithm === algorithm && row.activated_at !== null);
  if (rows[at]?.activated_at === null) return { status: 'next', activeSlot: null, retiredAt: null };
  if (successor) return { status: 'retired', activeSlot: null, retiredAt: successor.activated_at };
  return { status: 'active', activeSlot: algorithm, retiredAt: null };
}

interface FormerDocument {
  _id: string;
  algorithm: string;
  status: string;
  activeSlot: string | null;
  activatedAt: Date | null;
  retiredAt: Date | null;
}

interface Document extends Omit<FormerDocument, 'status' | 'activeSlot' | 'retiredAt'> {
  use: string;
  place: number | null;
}

export const mongo = {
  async up(db: Db): Promise<void> {
    const keys = db.collection<Document>('server_keys');
    await keys.createIndexes([
      {
        name: 'server_keys_use_place',
        key: { use: 1, place: 1 },
        unique: true,
        // Tombstones have no place.
        partialFilterExpression: { place: { $gt: 0 } },
      },
      OUTBOX,
    ]);
    const former = db.collection<FormerDocument>('signing_keys');
    // Copied whole: an event that still rides in one comes along.
    for (const [index, document] of (await former.find().sort({ _id: 1 }).toArray()).entries()) {
      const { status: _, activeSlot: __, retiredAt: ___, ...key } = document;
      await keys.replaceOne({ _id: key._id }, { ...key, use: 'sig', place: index + 1 }, { upsert: true });
    }
    await db.dropCollection('signing_keys');
  },

  async down(db: Db): Promise<void> {
    const former = db.collection<FormerDocument>('signing_keys');
    await former.createIndexes([
      {
        name: 'signing_keys_active_slot',
        key: { activeSlot: 1 },
        unique: true,
        partialFilterExpression: { activeSlot: { $gte: '' } },
      },
      OUTBOX,
    ]);
    const filter = { use: 'sig', place: { $gt: 0 } };
    const documents = await db.collection<Document>('server_keys').find(filter).sort({ place: 1 }).toArray();
    const rows = documents.map(({ _id: id, algorithm, activatedAt }) => ({ id, algorithm, activated_at: activatedAt }));
    for (const { use: _, place: __, ...key } of documents) {
      const { status, activeSlot, retiredAt } = formerOf(key._id, rows);
      const document = { ...key, status, activeSlot, retiredAt: retiredAt as Date | null };
      await former.replaceOne({ _id: key._id }, document, { upsert: true });
    }
    await db.dropCollection('server_keys');
  },
};
