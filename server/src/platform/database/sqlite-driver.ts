import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely';
import { LRUCache } from 'lru-cache';
import { isContention, unavailable } from './errors.ts';
import { createSharedCommits, type Neighbours, type SharedTransaction } from './sqlite-commits.ts';

/** Number of prepared statements of a connection; the least recently used is dropped first. */
const STATEMENTS = 500;

const WRITES: ReadonlySet<string> = new Set(['InsertQueryNode', 'UpdateQueryNode', 'DeleteQueryNode']);

/** A caller's turn on the only connection that writes. */
interface Turn extends DatabaseConnection {
  transaction: SharedTransaction | null;
  /** Lets the next caller have its turn; again, it does nothing. */
  release(): void;
}

/**
 * Callers take turns on `writer`, and with those of other connections of this process to the same file. Reads outside of a transaction run on `reader`, a connection of its own to the same file, which sees what is
 * committed and nothing else; without one (in memory) on `writer`, after what waits was committed.
 */
export function sqliteDriver(writer: DatabaseSync, reader: DatabaseSync | null): Driver {
  const write = createRunner(writer);
  const read = reader && createRunner(reader);
  const neighbours = neighboursAt(reader === null ? null : writer.location());
  const commits = createSharedCommits(writer, neighbours);

  function run<R>(query: CompiledQuery): QueryResult<R> {
    try {
      return write<R>(query);
    } catch (error) {
      commits.failed(error);
      throw error;
    }
  }

  function createTurn(release: () => void): Turn {
    return {
      transaction: null,
      release,
      async executeQuery<R>(query: CompiledQuery) {
        if (this.transaction !== null) return run<R>(query);
        const { kind } = query.query;
        if (read !== null && kind === 'SelectQueryNode') return read<R>(query);
        if (WRITES.has(kind)) return writeAlone<R>(this, query);
        commits.settle();
        return run<R>(query);
      },
      async *streamQuery<R>({ sql: text, parameters }: CompiledQuery) {
        for (const row of writer.prepare(text).iterate(...parameters.map(bindable))) yield { rows: [row as R] };
      },
    };
  }

  /** A change outside of transactions shares its commit, too; whoever made it does nothing else in this turn. */
  async function writeAlone<R>(turn: Turn, query: CompiledQuery): Promise<QueryResult<R>> {
    const transaction = commits.begin();
    let result: QueryResult<R>;
    try {
      result = run<R>(query);
    } catch (error) {
      transaction.rollback();
      throw error;
    }
    const committed = transaction.commit();
    turn.release();
    try {
      await committed;
    } catch (error) {
      // The turn is over: the caller of the statement has to begin again, not the statement.
      throw isContention(error) ? unavailable(error) : error;
    }
    return result;
  }

  const turnOf = (connection: DatabaseConnection) => connection as Turn;
  return {
    async init() {},
    async acquireConnection() {
      const before = neighbours.last;
      const mine = Promise.withResolvers<void>();
      neighbours.last = mine.promise;
      await before;
      return createTurn(mine.resolve);
    },
    async beginTransaction(connection) {
      turnOf(connection).transaction = commits.begin();
    },
    async commitTransaction(connection) {
      const turn = turnOf(connection);
      const { transaction } = turn;
      turn.transaction = null;
      const committed = transaction?.commit();
      // The next caller works while this one waits for the disk.
      turn.release();
      await committed;
    },
    async rollbackTransaction(connection) {
      const turn = turnOf(connection);
      turn.transaction?.rollback();
      turn.transaction = null;
    },
    async releaseConnection(connection) {
      turnOf(connection).release();
    },
    async destroy() {
      commits.end();
      reader?.close();
      writer.close();
    },
  };
}

/** By file, for as long as one of them is open. */
const files = new Map<string, WeakRef<Neighbours>>();

/** Servers in one process that share a file, as in tests, take turns on it. */
function neighboursAt(file: string | null): Neighbours {
  const known = file === null ? undefined : files.get(file)?.deref();
  if (known !== undefined) return known;
  const neighbours: Neighbours = { last: Promise.resolve(), letGo: new Set() };
  if (file !== null) files.set(file, new WeakRef(neighbours));
  return neighbours;
}

interface Prepared {
  statement: StatementSync;
  returnsRows: boolean;
}

/** Runs queries on one connection, whose statements it keeps prepared. */
function createRunner(database: DatabaseSync): <R>(query: CompiledQuery) => QueryResult<R> {
  const cache = new LRUCache<string, Prepared>({ max: STATEMENTS });

  function prepare(text: string): Prepared {
    const known = cache.get(text);
    if (known) return known;
    const statement = database.prepare(text);
    const prepared = { statement, returnsRows: statement.columns().length > 0 };
    cache.set(text, prepared);
    return prepared;
  }

  return <R>({ sql: text, parameters }: CompiledQuery) => {
    const { statement, returnsRows } = prepare(text);
    const values = parameters.map(bindable);
    if (returnsRows) return { rows: statement.all(...values) as R[] };
    const { changes, lastInsertRowid } = statement.run(...values);
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  };
}

/** Times as ISO 8601 UTC with milliseconds, which sort as text; booleans as 0 and 1. */
function bindable(value: unknown): SQLInputValue {
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value as SQLInputValue;
}
