import type { Compilable, CompiledQuery, Insertable, Kysely } from 'kysely';

/** A statement that is compiled once: `await db.executeQuery(claim.with({ id, until }))`. */
export interface Prepared<Values extends object, Row = unknown> {
  with(values: Values): CompiledQuery<Row>;
}

/** Stands in a statement for the value of this name. */
class Parameter {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * Compiles a statement at its first use, and never again: Kysely takes as long to compile one as SQLite to run it.
 *
 *     const claim = prepared((values: { id: string; until: Date }) =>
 *       db.updateTable('events').set({ due_at: values.until }).where('id', '=', values.id));
 *
 * `build` gets stand-ins, which it may only pass on as values of columns. The text is the same for all values: none may be undefined, and
 * `where` must not compare with one that may be null.
 */
export function prepared<Values extends object, Row>(
  build: (values: Values) => Compilable<Row>,
): Prepared<Values, Row> {
  const standIns = new Proxy({} as Values, { get: (_, name) => new Parameter(String(name)) });
  let compiled: CompiledQuery<Row> | undefined;
  return {
    with(values) {
      compiled ??= build(standIns).compile();
      const given = values as Record<string, unknown>;
      const parameters = compiled.parameters.map((value) => (value instanceof Parameter ? given[value.name] : value));
      return { ...compiled, parameters };
    },
  };
}

/** The same for an `insert` of one row. All rows must have the columns of the first. `with` throws `TypeError` if one has another number of them. */
export function preparedInsert<Tables, Table extends keyof Tables & string>(
  db: Kysely<Tables>,
  table: Table,
): Prepared<Insertable<Tables[Table]> & object> {
  let compiled: CompiledQuery | undefined;
  let columns: string[] = [];
  return {
    with(row) {
      if (compiled === undefined) {
        columns = Object.keys(row);
        compiled = db.insertInto(table).values(row).compile() as CompiledQuery;
      }
      const given = row as Record<string, unknown>;
      if (Object.keys(given).length !== columns.length)
        throw new TypeError(`Rows of ${table} differ in their columns.`);
      return { ...compiled, parameters: columns.map((name) => given[name]) };
    },
  };
}
