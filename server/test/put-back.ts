import { isDeepStrictEqual } from 'node:util';
import { sql } from 'kysely';
import { BSON, type Document } from 'mongodb';
import type { Database, MongoDatabase, SqlDatabase } from '../src/platform/database/types.ts';

/** The one table whose rows the database numbers. */
const NUMBERED = 'evictions';

/** What a database held, as JSON can say it. Of tables: their names, and where copies of those are that are not empty. */
type Tables = { names: string[]; filled: [name: string, copy: string][] };
/** Of collections: their documents, as Extended JSON, and by their names the names of their indexes. */
type Collections = { documents: string; indexes: Record<string, string[]> };
export type DatabaseState = Tables | Collections;

/** Remembers what a database holds, which must be little. */
export function rememberState(database: Database): Promise<DatabaseState> {
  return database.kind === 'sql' ? rememberTables(database) : rememberCollections(database);
}

/**
 * Puts back what was remembered: every other row is gone then, and numbers start anew. It takes a tenth of making and migrating a database.
 * Tables and indexes must be as they were, and nobody may use it meanwhile.
 */
export async function putBack(database: Database, state: DatabaseState): Promise<void> {
  if (database.kind === 'sql' && 'names' in state) return putBackTables(database, state);
  if (database.kind === 'mongo' && 'documents' in state) return putBackCollections(database, state);
  throw new TypeError('the state is of another kind of database');
}

async function namesOfTables({ db }: SqlDatabase): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  return tables.filter(({ isView }) => !isView).map(({ name }) => name);
}

async function rememberTables(database: SqlDatabase): Promise<Tables> {
  const { db } = database;
  const names = await namesOfTables(database);
  const filled: Tables['filled'] = [];
  for (const name of names) {
    const { rows } = await sql`select 1 from ${sql.table(name)} limit 1`.execute(db);
    if (rows.length === 0) continue;
    const copy = `kept_${name}`;
    await sql`create table ${sql.table(copy)} as select * from ${sql.table(name)}`.execute(db);
    filled.push([name, copy]);
  }
  return { names, filled };
}

async function putBackTables({ db, dialect }: SqlDatabase, { names, filled }: Tables): Promise<void> {
  for (const name of names) await sql`delete from ${sql.table(name)}`.execute(db);
  for (const [name, copy] of filled) {
    await sql`insert into ${sql.table(name)} select * from ${sql.table(copy)}`.execute(db);
  }
  if (dialect === 'postgres') await sql`truncate ${sql.table(NUMBERED)} restart identity`.execute(db);
  if (dialect === 'mysql') await sql`alter table ${sql.table(NUMBERED)} auto_increment = 1`.execute(db);
  if (dialect === 'sqlite') await sql`delete from sqlite_sequence where name = ${NUMBERED}`.execute(db);
}

async function indexesOf({ db }: MongoDatabase): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const collection of await db.collections()) {
    const names = (await collection.indexes()).map(({ name = '' }) => name).filter((name) => name !== '_id_');
    if (names.length > 0) found[collection.collectionName] = names.sort();
  }
  return found;
}

async function rememberCollections(database: MongoDatabase): Promise<Collections> {
  const { db } = database;
  const kept: Record<string, Document[]> = {};
  for (const collection of await db.collections()) {
    const documents = await collection.find().toArray();
    if (documents.length > 0) kept[collection.collectionName] = documents;
  }
  return { documents: BSON.EJSON.stringify(kept, { relaxed: false }), indexes: await indexesOf(database) };
}

async function putBackCollections({ db }: MongoDatabase, state: Collections): Promise<void> {
  const kept = BSON.EJSON.parse(state.documents, { relaxed: false }) as Record<string, Document[]>;
  // Asked anew: a collection without an index is made by the first document.
  const collections = await db.collections();
  await Promise.all(
    collections.map(async (collection) => {
      await collection.deleteMany();
      const documents = kept[collection.collectionName] ?? [];
      if (documents.length > 0) await collection.insertMany(documents);
    }),
  );
}

/** Whether a database still has the tables, or the collections with indexes, that were remembered, and no others. */
export async function isShapedAs(state: DatabaseState, database: Database): Promise<boolean> {
  if (database.kind === 'sql' && 'names' in state) {
    const expected = [...state.names, ...state.filled.map(([, copy]) => copy)];
    return isDeepStrictEqual((await namesOfTables(database)).sort(), expected.sort());
  }
  // A collection without an index is made by its first document, which is gone.
  return database.kind === 'mongo' && 'indexes' in state && isDeepStrictEqual(await indexesOf(database), state.indexes);
}
