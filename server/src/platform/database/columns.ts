import { type Expression, type Kysely, type RawBuilder, sql } from 'kysely';
import type { Dialect, SqlDatabase } from './types.ts';

const MYSQL_INDEX_EXISTS = 1061;

type ColumnType = Expression<unknown>;

/**
 * Column types that behave the same on every SQL database: text is compared and sorted by bytes (no case folding, no
 * padding), times have milliseconds, integers are exact to 2^53.
 */
export interface Columns {
  dialect: Dialect;
  /** A UUID in its text form. */
  id(): ColumnType;
  /** At most `length` characters; up to 768 can be indexed everywhere. */
  text(length: number): ColumnType;
  /** Text of any length; cannot be indexed on MySQL. */
  longText(): ColumnType;
  /** A `Date` with milliseconds; SQLite returns it as ISO 8601 text. */
  time(): ColumnType;
  int(): ColumnType;
  /** SQLite and MySQL return it as 0 and 1. */
  bool(): ColumnType;
  /** JSON as text: the store writes `JSON.stringify` and reads `JSON.parse`. */
  json(): ColumnType;
}

/** The column types of a database, for its migrations. */
export function columnsOf(database: Pick<SqlDatabase, 'dialect' | 'name'>): Columns {
  switch (database.dialect) {
    case 'sqlite':
      return columns('sqlite', {
        id: 'text',
        text: () => 'text',
        longText: 'text',
        time: 'text',
        int: 'integer',
        bool: 'integer',
      });
    case 'postgres':
      return columns('postgres', {
        id: 'varchar(36) collate "C"',
        text: (length) => `varchar(${length}) collate "C"`,
        longText: 'text collate "C"',
        time: 'timestamptz(3)',
        int: 'bigint',
        bool: 'boolean',
      });
    case 'mysql': {
      // In `utf8mb4_bin` 'a' and 'a ' are equal; these two collations compare like the other databases.
      const collation = database.name.startsWith('MariaDB') ? 'utf8mb4_nopad_bin' : 'utf8mb4_0900_bin';
      const characters = `character set utf8mb4 collate ${collation}`;
      return columns('mysql', {
        id: `varchar(36) ${characters}`,
        text: (length) => `varchar(${length}) ${characters}`,
        longText: `longtext ${characters}`,
        time: 'datetime(3)',
        int: 'bigint',
        bool: 'boolean',
      });
    }
  }
}

interface TypeNames {
  id: string;
  text(length: number): string;
  longText: string;
  time: string;
  int: string;
  bool: string;
}

function columns(dialect: Dialect, names: TypeNames): Columns {
  return {
    dialect,
    id: () => sql.raw(names.id),
    text(length) {
      if (!Number.isInteger(length) || length < 1) throw new TypeError('A text column needs its length in characters.');
      return sql.raw(names.text(length));
    },
    longText: () => sql.raw(names.longText),
    time: () => sql.raw(names.time),
    int: () => sql.raw(names.int),
    bool: () => sql.raw(names.bool),
    json: () => sql.raw(names.longText),
  };
}

export interface IndexSpec {
  /** `table_column_column`, so that `uniqueViolation` tells the columns on every database. */
  name: string;
  table: string;
  on: string[];
  unique?: boolean;
  /** Only rows that meet it are indexed; MySQL has no partial indexes and indexes every row. */
  where?: RawBuilder<boolean>;
}

/**
 * Creates an index if there is none of this name. A unique index ignores rows with a null in it, on every database.
 * For uniqueness among some rows, use a nullable column: `unique` with `where` throws a TypeError.
 */
export async function createIndex<Tables>(db: Kysely<Tables>, { dialect }: Columns, spec: IndexSpec): Promise<void> {
  if (spec.unique && spec.where) throw new TypeError('MySQL has no partial unique indexes; use a nullable column.');
  const on = sql.join(spec.on.map((column) => sql.ref(column)));
  const create = spec.unique ? sql`create unique index` : sql`create index`;
  if (dialect === 'mysql') {
    const index = sql`${create} ${sql.ref(spec.name)} on ${sql.table(spec.table)} (${on})`;
    await index.execute(db).catch((error) => {
      if (error.errno !== MYSQL_INDEX_EXISTS) throw error;
    });
    return;
  }
  const where = spec.where ? sql` where ${spec.where}` : sql``;
  await sql`${create} if not exists ${sql.ref(spec.name)} on ${sql.table(spec.table)} (${on})${where}`.execute(db);
}
