import { AppError, platformErrors } from '../errors.ts';

/** The database cannot be used at start; `message` is one sentence for the operator, without a secret. */
export class DatabaseUnreachable extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'DatabaseUnreachable';
  }
}

/** The error fields of the four drivers that are read here. */
interface DriverError {
  message: string;
  name: string;
  /** SQLSTATE, errno name, or MongoDB's number. */
  code?: unknown;
  /** MySQL's number. */
  errno?: unknown;
  /** SQLite's extended result code. */
  errcode?: unknown;
  constraint?: unknown;
  keyPattern?: unknown;
  routine?: unknown;
  writeErrors?: unknown;
  /** Of MongoDB, of a write of many. */
  result?: { insertedIds?: object } | null;
}

function driverError(error: unknown): DriverError | null {
  return error instanceof Error ? error : null;
}

const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR',
  'PROTOCOL_ENQUEUE_AFTER_QUIT',
]);

// Connection exceptions, insufficient resources, operator intervention (which includes the statement time-out), I/O,
// and the read-only state of a server that has just lost its role as primary.
const POSTGRES_AWAY = /^(08\w{3}|53\w{3}|57\w{3}|58\w{3}|25006)$/;

// pg gives these no code.
const POSTGRES_MESSAGES =
  /^(Connection terminated|Client (has encountered a connection error|was closed)|Query read timeout|timeout (expired|exceeded when trying to connect))/;

// Too many connections, shutdown, lost, killed, read only after a failover, disk full, statement and lock time-outs.
const MYSQL_AWAY = new Set([
  3, 1021, 1026, 1037, 1040, 1041, 1053, 1077, 1114, 1203, 1205, 1226, 1290, 1836, 1792, 1927, 1969, 2006, 2013, 3024,
]);

// BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN; the low byte of the extended code.
const SQLITE_AWAY = new Set([5, 6, 7, 8, 10, 13, 14]);

const MONGO_AWAY = new Set([
  'MongoServerSelectionError',
  'MongoNetworkError',
  'MongoNetworkTimeoutError',
  'MongoPoolClearedError',
  'MongoWaitQueueTimeoutError',
  'MongoNotConnectedError',
  'MongoTopologyClosedError',
  'MongoOperationTimeoutError',
  'PoolClearedOnNetworkError',
]);

// Shutdown, not primary, stepping down, write concern not met, time limit, writes blocked, disk full.
const MONGO_AWAY_CODES = new Set([6, 7, 50, 64, 89, 91, 189, 262, 371, 9001, 10107, 11600, 11602, 13435, 13436, 14031]);

/** Whether the database is unreachable, restarting, out of resources or too slow: the statement is not at fault and can be tried again later. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof AppError) return error.code === 'unavailable';
  const e = driverError(error);
  if (!e) return false;
  if (typeof e.errcode === 'number') return SQLITE_AWAY.has(e.errcode & 0xff);
  if (MONGO_AWAY.has(e.name)) return true;
  if (e.name.startsWith('Mongo')) return typeof e.code === 'number' && MONGO_AWAY_CODES.has(e.code);
  if (typeof e.errno === 'number' && MYSQL_AWAY.has(e.errno)) return true;
  if (typeof e.code === 'string') return NETWORK.has(e.code) || POSTGRES_AWAY.test(e.code);
  return POSTGRES_MESSAGES.test(e.message);
}

const MYSQL_DEADLOCK = 1213;
const MARIADB_RECORD_CHANGED = 1020;

/** Whether the database rolled back because of other transactions, so that the same work may succeed the next time. */
export function isContention(error: unknown): boolean {
  const e = driverError(error);
  if (!e) return false;
  if (typeof e.errcode === 'number') return [5, 6].includes(e.errcode & 0xff);
  if (e.code === '40001' || e.code === '40P01' || e.code === '55P03') return true;
  // A prepared `select *` after another instance has migrated; the statement has been discarded meanwhile.
  if (e.code === '0A000' && e.routine === 'RevalidateCachedQuery') return true;
  return [MYSQL_DEADLOCK, MARIADB_RECORD_CHANGED].includes(Number(e.errno));
}

/** The 503 for a lost or overloaded database; `Retry-After` is in seconds. */
export function unavailable(cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  return platformErrors.unavailable({ headers: { 'retry-after': '1' }, cause });
}

/**
 * Which uniqueness was violated, or null for any other error: the constraint's or index's name (PostgreSQL, MySQL),
 * `table.column, …` (SQLite), or the key's fields joined by commas (MongoDB). Name indexes after table and columns
 * (`users_email_norm`), and test with `includes('email_norm')`, which works on all of them.
 */
export function uniqueViolation(error: unknown): string | null {
  const e = driverError(error);
  if (!e) return null;
  if (e.code === '23505') return String(e.constraint ?? '');
  if (e.errno === 1062 || e.errno === 1586) {
    // The message begins with the value, which may itself contain a quote: only its end is the key.
    const key = /for key '([^']*)'$/.exec(e.message)?.[1] ?? '';
    return key.slice(key.lastIndexOf('.') + 1);
  }
  if (e.errcode === 2067 || e.errcode === 1555) {
    return e.message.replace(/^UNIQUE constraint failed: /, '');
  }
  if (e.code === 11000) return mongoKey(e);
  return null;
}

/** The indexes of the documents that MongoDB inserted of many, where a unique value of others was taken; null for any other error. */
export function insertedIndexes(error: unknown): Set<number> | null {
  const e = driverError(error);
  if (e?.name !== 'MongoBulkWriteError' || e.code !== 11000) return null;
  const { insertedIds = {} } = e.result ?? {};
  return new Set(Object.keys(insertedIds).map(Number));
}

function mongoKey(e: DriverError): string {
  if (typeof e.keyPattern === 'object' && e.keyPattern !== null) return Object.keys(e.keyPattern).join(',');
  return / index: (\S+) dup key/.exec(e.message)?.[1] ?? '';
}

/**
 * Removes user data from a driver's error before it is logged: mysql2 adds the statement with its values,
 * PostgreSQL and MongoDB the conflicting row, MySQL the duplicate value.
 */
export function withoutValues(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  for (const field of ['sql', 'sqlMessage', 'detail', 'where', 'keyValue', 'errorResponse', 'writeErrors']) {
    if (field in error) Reflect.deleteProperty(error, field);
  }
  const message = error.message
    .replace(/^Duplicate entry '.*' for key/s, 'Duplicate entry for key')
    .replace(/ dup key: .*$/s, ' dup key');
  if (message !== error.message) {
    error.stack = error.stack?.replace(error.message, message) ?? '';
    error.message = message;
  }
  return error;
}
