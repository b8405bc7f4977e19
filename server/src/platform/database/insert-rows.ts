import { type InsertObject, sql, type Transaction } from 'kysely';
import type { Dialect } from './types.ts';

/** SQLite allows 32,766 values in a statement, the protocol of MySQL 65,535. */
const MOST_VALUES = 32_000;

/**
 * Inserts many rows of the same columns: `await insertRows({ trx, dialect }, 'events', rows)`. PostgreSQL gets them as one JSON text: tens of
 * thousands of parameters would cost it more than the rows. Throws `TypeError` for a value that JSON cannot hold.
 */
export async function insertRows<Tables, Table extends keyof Tables & string>(
  { trx, dialect }: { trx: Transaction<Tables>; dialect: Dialect },
  table: Table,
  rows: readonly InsertObject<Tables, Table>[],
): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  const columns = Object.keys(first);
  if (dialect === 'postgres') {
    const names = sql.join(columns.map((column) => sql.ref(column)));
    // A value that is undefined in a later row is missing in the JSON, and null for PostgreSQL.
    const json = JSON.stringify(rows);
    await sql`insert into ${sql.table(table)} (${names})
      select ${names} from json_populate_recordset(null::${sql.table(table)}, ${json})`.execute(trx);
    return;
  }
  const step = Math.floor(MOST_VALUES / columns.length);
  for (let start = 0; start < rows.length; start += step) {
    await trx
      .insertInto(table)
      .values(rows.slice(start, start + step))
      .execute();
  }
}
