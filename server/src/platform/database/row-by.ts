import { type Kysely, type Selectable, sql } from 'kysely';
import { prepared } from './prepared.ts';

/** Reads the one row that has a value in a column: `const byId = rowBy(db, 'sessions', 'id'); await byId(id)`. The statement is compiled once. */
export function rowBy<Tables, Table extends keyof Tables & string>(
  db: Kysely<Tables>,
  table: Table,
  column: keyof Tables[Table] & string,
): (value: string) => Promise<Selectable<Tables[Table]> | undefined> {
  const untyped = db as unknown as Kysely<Record<string, Record<string, string>>>;
  const statement = prepared((by: { value: string }) =>
    untyped.selectFrom(table).selectAll().where(sql.ref(column), '=', by.value),
  );
  return async (value) => {
    const { rows } = await untyped.executeQuery(statement.with({ value }));
    return rows[0] as Selectable<Tables[Table]> | undefined;
  };
}
