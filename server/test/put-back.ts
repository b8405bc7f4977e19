import { sql } from 'kysely';
import type { Document } from 'mongodb';
import type { Database, MongoDatabase, SqlDatabase } from '../src/platform/database/types.ts';

/** The one table whose rows the database numbers. */
const NUMBERED = 'evictions';

/**
 * Remembers what a database holds, which must be little, and gives what puts it back: every other row is gone then, and numbers start anew.
 * It takes a tenth of making and migrating a database. Tables and indexes must be as they were, and nobody may use it meanwhile.
 */
export function rememberState(database: Database): Promise<() => Promise<void>> {
  return database.kind === 'sql' ? rememberTables(database) : rememberCollections(database);
}

async function rememberTables({ db, dialect }: SqlDatabase): Promise<() => Promise<void>> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  const names = tables.filter(({ isView }) => !isView).map(({ name }) => name);
  const filled: [name: string, copy: string][] = [];
  for (const name of names) {
    const { rows } = await sql`select 1 from ${sql.table(name)} limit 1`.execute(db);
    if (rows.length === 0) continue;
    const copy = `kept_${name}`;
    await sql`create table ${sql.table(copy)} as select * from ${sql.table(name)}`.execute(db);
    filled.push([name, copy]);
  }
  return async () => {
    for (const name of names) await sql`delete from ${sql.table(name)}`.execute(db);
    for (const [name, copy] of filled) {
      await sql`insert into ${sql.table(name)} select * from ${sql.table(copy)}`.execute(db);
    }
    if (dialect === 'postgres') await sql`truncate ${sql.table(NUMBERED)} restart identity`.execute(db);
    if (dialect === 'mysql') await sql`alter table ${sql.table(NUMBERED)} auto_increment = 1`.execute(db);
    if (dialect === 'sqlite') await sql`delete from sqlite_sequence where name = ${NUMBERED}`.execute(db);
  };
}

async function rememberCollections({ db }: MongoDatabase): Promise<() => Promise<void>> {
  const kept = new Map<string, Document[]>();
  for (const collection of await db.collections()) {
    kept.set(collection.collectionName, await collection.find().toArray());
  }
  return async () => {
    // Asked anew: a collection without an index is made by the first document.
    const collections = await db.collections();
    await Promise.all(
      collections.map(async (collection) => {
        await collection.deleteMany();
        const documents = kept.get(collection.collectionName) ?? [];
        if (documents.length > 0) await collection.insertMany(documents);
      }),
    );
  };
}
