import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Dialect } from './types.ts';

/**
 * Whether a column of text is one of many values: `where(isAmong(dialect, sql.ref('id'), ids))`. One parameter where the database can unpack
 * it, so that the statement is prepared once for any number of values.
 */
export function isAmong(dialect: Dialect, column: RawBuilder<unknown>, values: readonly string[]): RawBuilder<SqlBool> {
  const json = JSON.stringify(values);
  switch (dialect) {
    case 'postgres':
      return sql<SqlBool>`${column} = any (array(select json_array_elements_text(${json}::json)))`;
    case 'sqlite':
      return sql<SqlBool>`${column} in (select value from json_each(${json}))`;
    case 'mysql':
      return values.length === 0 ? sql<SqlBool>`false` : sql<SqlBool>`${column} in (${sql.join(values)})`;
  }
}
