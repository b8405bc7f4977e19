import { DatabaseUnreachable } from './errors.ts';

/** A checked database URL. */
export interface SqliteTarget {
  product: 'SQLite';
  /** A path, relative to the working directory or absolute; null for a database in memory. */
  path: string | null;
}

export interface ServerTarget {
  product: 'PostgreSQL' | 'MySQL' | 'MongoDB';
  /** With the scheme of the driver. */
  url: string;
  /** Host and port for messages; several, for MongoDB, joined by commas. */
  host: string;
  database: string;
  user: string;
  password: string;
}

export type DatabaseTarget = SqliteTarget | ServerTarget;

const SERVERS: Record<string, { product: ServerTarget['product']; scheme: string; port: string }> = {
  postgres: { product: 'PostgreSQL', scheme: 'postgres', port: '5432' },
  postgresql: { product: 'PostgreSQL', scheme: 'postgres', port: '5432' },
  mysql: { product: 'MySQL', scheme: 'mysql', port: '3306' },
  mariadb: { product: 'MySQL', scheme: 'mysql', port: '3306' },
  mongodb: { product: 'MongoDB', scheme: 'mongodb', port: '27017' },
  'mongodb+srv': { product: 'MongoDB', scheme: 'mongodb+srv', port: '' },
};

// MongoDB lists several hosts in one URL, which `new URL` refuses; so the authority is parsed here for all databases.
const SERVER_URL = /^[a-z+]+:\/\/(?:([^/?#]*)@)?([^/?#@]+)(?:\/([^?#]*))?(?:\?[^#]*)?$/;

const HOST = /^(\[[0-9a-fA-F:.]+\]|[\w.%-]+)(:\d{1,5})?$/;

/** Parses a database URL. Throws `DatabaseUnreachable` if it is invalid, without repeating it (it may contain a password). */
export function databaseUrl(url: string): DatabaseTarget {
  const scheme = /^([a-z+]+):/.exec(url)?.[1] ?? '';
  if (scheme === 'sqlite') return sqliteTarget(url.slice('sqlite:'.length));
  const server = SERVERS[scheme];
  if (!server) {
    throw new DatabaseUnreachable(
      'The database URL must begin with sqlite:, postgres://, mysql:// or mongodb://, such as postgres://user:password@host:5432/ostiary.',
    );
  }
  const [, credentials = '', hosts, path = ''] = SERVER_URL.exec(url) ?? [];
  // An unencoded `/` in the password would otherwise become part of a host or database, and appear in messages.
  if (!hosts?.split(',').every((one) => HOST.test(one)) || path.includes('@')) {
    throw new DatabaseUnreachable(
      `The database URL cannot be read; it should look like ${server.scheme}://user:password@host:${server.port || 27017}/ostiary, with special characters of the password percent-encoded.`,
    );
  }
  const host = hosts
    .split(',')
    .map((one) => (/:\d+$/.test(one) || server.port === '' ? one : `${one}:${server.port}`))
    .join(',');
  const database = decode(path);
  if (database === '') {
    throw new DatabaseUnreachable(
      `The database URL names no database; add it after the host: ${server.scheme}://…${host}/ostiary.`,
    );
  }
  const colon = credentials.indexOf(':');
  const user = decode(colon < 0 ? credentials : credentials.slice(0, colon));
  const password = colon < 0 ? '' : decode(credentials.slice(colon + 1));
  return {
    product: server.product,
    url: server.scheme + url.slice(scheme.length),
    host,
    database,
    user,
    password,
  };
}

function sqliteTarget(rest: string): SqliteTarget {
  if (rest === ':memory:') return { product: 'SQLite', path: null };
  const path = decode(rest.replace(/^\/\/(?=\/)/, ''));
  if (path === '' || path.startsWith('//') || /[?#\0]/.test(path)) {
    throw new DatabaseUnreachable(
      'The database URL names no SQLite file; write sqlite:./data/ostiary.sqlite, sqlite:/absolute/path or sqlite::memory:.',
    );
  }
  return { product: 'SQLite', path };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DatabaseUnreachable(
      'The database URL has a stray % in it; percent-encode special characters of user and password.',
    );
  }
}
