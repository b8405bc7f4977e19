import { existsSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely';
import { connectDatabase, sqlOf } from '../../../platform/database/database.ts';
import { databaseTarget } from '../../../platform/database/url.ts';
import { ImportFailed } from '../imported-person.ts';
import type { Link } from './mapping.ts';
import { type Row, textOf } from './person-of.ts';

/** Tables of another system's SQL database; only ever read. */
export interface Tables {
  /** The first of these tables that is there. Throws `ImportFailed`. */
  existing(names: readonly string[]): Promise<string>;
  /** The number of rows after an id. */
  count(table: string, id: string, after: unknown): Promise<number>;
  /** Of a row; none where the table is empty. */
  columns(table: string): Promise<string[]>;
  /** Rows after an id, in the order of ids; null: from the first on. */
  page(table: string, id: string, after: unknown, limit: number): Promise<Row[]>;
  /** What another table says of these people, by the text of their ids. */
  linked(link: Link, ids: readonly unknown[]): Promise<Map<string, string[]>>;
  close(): Promise<void>;
}

type Anything = Record<string, Record<string, unknown>>;
interface Connection {
  db: Kysely<Anything>;
  read(query: CompiledQuery): Promise<Row[]>;
  close(): Promise<void>;
}

/** Opens the tables at a URL: `await openTables('postgres://…')`. Throws `DatabaseUnreachable`, `ImportFailed`. */
export async function openTables(url: string): Promise<Tables> {
  const { db, read, close } = await connect(url);

  return {
    close,
    async existing(names) {
      for (const name of names) {
        try {
          await read(db.selectFrom(sql.table(name).as('t')).select(sql`1`.as('one')).limit(1).compile());
          return name;
        } catch (error) {
          if (!isMissing(error)) throw error;
        }
      }
      throw new ImportFailed(`The database has no table ${names.join(' or ')}: name it in the mapping.`);
    },

    async count(table, id, after) {
      const rows = db.selectFrom(sql.table(table).as('t')).select(sql`count(*)`.as('total'));
      const [row] = await read(rows.where(isBeyond(id, after)).compile());
      return Number(row?.total);
    },

    async columns(table) {
      const [row = {}] = await read(db.selectFrom(sql.table(table).as('t')).selectAll().limit(1).compile());
      return Object.keys(row);
    },

    page(table, id, after, limit) {
      const rows = db
        .selectFrom(sql.table(table).as('t'))
        .selectAll()
        .orderBy(sql.ref(`t.${id}`))
        .limit(limit);
      return read(rows.where(isBeyond(id, after)).compile());
    },

    async linked({ table, person, value, through, where = {} }, ids) {
      const found = new Map<string, string[]>();
      if (ids.length === 0) return found;
      const column = (name: string) => sql.ref(`link.${name}`);
      const named = through ? sql.ref(`named.${through.value}`) : column(value);
      const join = through
        ? sql`join ${sql.table(through.table)} as named on ${sql.ref(`named.${through.id}`)} = ${column(value)}`
        : sql``;
      const conditions = Object.entries(where).map(([name, wanted]) => sql`and ${column(name)} = ${wanted}`);
      const query = sql`select ${column(person)} as person, ${named} as value from ${sql.table(table)} as link ${join}
        where ${column(person)} in (${sql.join(ids)}) ${sql.join(conditions, sql` `)}`;
      for (const row of await read(query.compile(db))) {
        if (row.value === null) continue;
        const key = textOf(row.person) ?? '';
        found.set(key, [...(found.get(key) ?? []), String(row.value)]);
      }
      return found;
    },
  };
}

/** Rows without an id, which have no place in the order, are left out. */
const isBeyond = (id: string, after: unknown) =>
  after === null ? sql<boolean>`${sql.ref(`t.${id}`)} is not null` : sql<boolean>`${sql.ref(`t.${id}`)} > ${after}`;

async function connect(url: string): Promise<Connection> {
  const target = databaseTarget(url);
  if (target.product === 'SQLite') return connectFile(target.path ?? '');
  const log = { warn() {} };
  const database = await connectDatabase({ url, poolSize: 1, slowQuery: Number.POSITIVE_INFINITY, log });
  const { db } = sqlOf<Anything>(database);
  return { db, read: async (query) => (await db.executeQuery<Row>(query)).rows, close: () => database.close() };
}

/** Not by `connectDatabase`, which makes a file that is missing, and changes its journal. */
function connectFile(path: string): Connection {
  if (!existsSync(path)) throw new ImportFailed(`There is no file ${path}.`);
  const file = new DatabaseSync(path, { readOnly: true });
  const db = new Kysely<Anything>({
    dialect: {
      createDriver: () => new DummyDriver(),
      createQueryCompiler: () => new SqliteQueryCompiler(),
      createAdapter: () => new SqliteAdapter(),
      createIntrospector: (of) => new SqliteIntrospector(of),
    },
  });
  return {
    db,
    read: async ({ sql: text, parameters }) => file.prepare(text).all(...(parameters as SQLInputValue[])) as Row[],
    close: async () => file.close(),
  };
}

/** Undefined table: PostgreSQL (also an unknown schema), MySQL, SQLite. */
function isMissing(error: unknown): boolean {
  const { code, errno, message } = error as { code?: unknown; errno?: unknown; message?: string };
  return code === '42P01' || code === '3F000' || errno === 1146 || /^no such table/.test(message ?? '');
}
