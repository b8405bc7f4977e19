import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Database } from './types.ts';

/** Thrown to undo. */
class Undo extends Error {}

/** Makes a table as migrations do, writes into it, and leaves nothing behind. Throws the database's error, or a 503 with it as the cause. */
export async function tryToCreate(database: Database): Promise<void> {
  const name = `ostiary_trial_${randomBytes(6).toString('hex')}`;
  if (database.kind === 'mongo') {
    const collection = database.db.collection<{ _id: number }>(name);
    await collection.insertOne({ _id: 1 });
    await collection.drop();
    return;
  }
  const { db, dialect } = database;
  const table = sql.table(name);
  if (dialect === 'mysql') {
    // It commits each statement that makes or drops a table.
    await sql`create table ${table} (id int)`.execute(db);
    try {
      await sql`insert into ${table} values (1)`.execute(db);
    } finally {
      await sql`drop table ${table}`.execute(db);
    }
    return;
  }
  try {
    await database.transaction(async (trx) => {
      await sql`create table ${table} (id int)`.execute(trx);
      await sql`insert into ${table} values (1)`.execute(trx);
      throw new Undo();
    });
  } catch (error) {
    if (!(error instanceof Undo)) throw error;
  }
}
