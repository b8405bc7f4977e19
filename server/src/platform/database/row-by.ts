import { type CompiledQuery, type Kysely, type Selectable, sql } from 'kysely';

/**
 * Reads the one row that has a value in a column: `const byId = rowBy(db, 'sessions', 'id'); await byId(id)`. The statement is compiled once: Kysely
 * takes as long to compile one as SQLite to answer it.
 */
export function rowBy<Tables, Table extends keyof Tables & string>(
  db: Kysely<Tables>,
  table: Table,
  column: keyof Tables[Table] & string,
): (value: string) => Promise<Selectable<Tables[Table]> | undefined> {
  type Row = Selectable<Tables[Table]>;
  const untyped = db as unknown as Kysely<Record<string, Record<string, string>>>;
  let compiled: CompiledQuery<unknown> | undefined;
  return async (value) => {
    compiled ??= untyped.selectFrom(table).selectAll().where(sql.ref(column), '=', '').compile();
    const { rows } = await untyped.executeQuery({ ...compiled, parameters: [value] });
    return rows[0] as Row | undefined;
  };
}
