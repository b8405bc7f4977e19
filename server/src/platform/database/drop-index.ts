import { type Kysely, sql } from 'kysely';
import type { Db } from 'mongodb';
import type { Columns } from './columns.ts';

const MYSQL_NO_SUCH_INDEX = 1091;
const MONGODB_NO_SUCH_INDEX = 27;

/** Drops an index if there is one of this name. */
export async function dropIndex(
  db: Kysely<unknown>,
  { dialect }: Columns,
  { name, table }: { name: string; table: string },
): Promise<void> {
  if (dialect !== 'mysql') {
    await db.schema.dropIndex(name).ifExists().execute();
    return;
  }
  await sql`drop index ${sql.ref(name)} on ${sql.table(table)}`.execute(db).catch((error) => {
    if (error.errno !== MYSQL_NO_SUCH_INDEX) throw error;
  });
}

/** The same on MongoDB. */
export async function dropMongoIndex(
  db: Db,
  { name, collection }: { name: string; collection: string },
): Promise<void> {
  await db
    .collection(collection)
    .dropIndex(name)
    .catch((error) => {
      if (error.code !== MONGODB_NO_SUCH_INDEX) throw error;
    });
}
