import { AppError } from '../errors.ts';

export interface RootCause {
  /** Of all errors on the way, the outermost first; MongoDB's also by their names. */
  codes: unknown[];
  /** The function of PostgreSQL that gave up. */
  routine: string | null;
  message: string;
}

/** pg gives its own errors no code. The server's have one, so that its words are never compared. */
const CODES_OF_PG = new Map([
  ['timeout expired', 'ETIMEDOUT'],
  ['timeout exceeded when trying to connect', 'ETIMEDOUT'],
  ['Query read timeout', 'ETIMEDOUT'],
  ['Connection terminated due to connection timeout', 'ETIMEDOUT'],
  ['Connection terminated', 'ECONNRESET'],
  ['Connection terminated unexpectedly', 'ECONNRESET'],
  ['The server does not support SSL connections', 'NO_TLS'],
]);

/** Looks through what drivers and we wrap: our own 503, MongoDB's topology description, Node's list of tried addresses. */
export function rootCause(error: unknown): RootCause {
  const codes: unknown[] = [];
  const found = { routine: null as string | null, message: '' };
  const seen = new Set<unknown>();
  const look = (value: unknown): void => {
    if (!(value instanceof Error) || seen.has(value)) return;
    seen.add(value);
    const { code, reason, routine } = value as Error & { code?: unknown; reason?: unknown; routine?: unknown };
    const known = code ?? CODES_OF_PG.get(value.message);
    if (known !== undefined && !(value instanceof AppError)) codes.push(known);
    if (value.message !== '') found.message = value.message;
    if (typeof routine === 'string') found.routine = routine;
    if (value instanceof AggregateError) value.errors.forEach(look);
    if (typeof reason === 'object' && reason !== null && 'servers' in reason && reason.servers instanceof Map) {
      for (const server of reason.servers.values()) look(server.error);
    }
    look(value.cause);
    // Less telling than what they wrap.
    if (value.name.startsWith('Mongo')) codes.push(value.name);
  };
  look(error);
  return { codes, ...found };
}

interface Hindrance {
  codes: readonly unknown[];
  /** SQLite's result codes, low byte. */
  sqlite: readonly number[];
  /** As the predicate of a sentence about the database. */
  say: string;
}

const READ_ONLY: Hindrance = {
  codes: [
    '25006',
    'ER_OPTION_PREVENTS_STATEMENT',
    'ER_READ_ONLY_MODE',
    'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION',
    371,
    10_107,
    13_435,
  ],
  sqlite: [8],
  say: 'is read-only, such as a replica or a server that has been failed over: name the one that takes writes',
};

const NO_ROOM: Hindrance = {
  codes: ['53100', '53200', 'ER_DISK_FULL', 'ER_RECORD_FILE_FULL', 14_031],
  sqlite: [13],
  say: 'has no room left',
};

const NOT_ALLOWED: Hindrance = {
  codes: [
    ...['42501', 'ER_TABLEACCESS_DENIED_ERROR', 'ER_COLUMNACCESS_DENIED_ERROR', 'ER_DBACCESS_DENIED_ERROR'],
    ...['ER_SPECIFIC_ACCESS_DENIED_ERROR', 13],
  ],
  sqlite: [],
  say: 'does not allow this to its user: GRANT the missing privilege, or let the user own the database',
};

/** What hinders a database that is reached. */
const HINDRANCES: readonly Hindrance[] = [
  READ_ONLY,
  NOT_ALLOWED,
  {
    codes: ['3F000'],
    sqlite: [],
    say: 'has none of the schemas in which tables are looked for: CREATE SCHEMA, or correct the database URL',
  },
  NO_ROOM,
];

const isOne = (error: unknown, ...hindrances: Hindrance[]): boolean => {
  const { codes } = rootCause(error);
  const sqlite = sqliteCode(error);
  return hindrances.some((one) => codes.some((code) => one.codes.includes(code)) || one.sqlite.includes(sqlite));
};

/** Whether a database answered that its user may not do this. */
export const lacksPrivilege = (error: unknown): boolean => isOne(error, NOT_ALLOWED);

/** Whether a database answered that it takes no writes: it is read-only, or has no room left. */
export const takesNoWrites = (error: unknown): boolean => isOne(error, READ_ONLY, NO_ROOM);

/**
 * What an error of the database means for the operator, in one sentence with the driver's words; null for any other error. An outage is told
 * apart from a database that takes no writes, whatever wraps it.
 */
export function operatorReason(error: unknown): string | null {
  const { message } = rootCause(error);
  const known = HINDRANCES.find((one) => isOne(error, one));
  const words = message.replace(/\s+/g, ' ').replace(/\.$/, '');
  if (known !== undefined) return `The database ${known.say} (${words}).`;
  const isWrapped = error instanceof AppError && error.code === 'unavailable' && error.cause !== undefined;
  return isWrapped ? `The database cannot be used: ${words}.` : null;
}

function sqliteCode(error: unknown): number {
  for (let one = error; one instanceof Error; one = one.cause) {
    if ('errcode' in one && typeof one.errcode === 'number') return one.errcode & 0xff;
  }
  return -1;
}
