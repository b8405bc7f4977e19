import { isIPv4 } from 'node:net';
import { resolve } from 'node:path';
import { type DatabaseTarget, readDatabaseUrl } from '../database/url.ts';
import { readRedisUrl } from '../redis/redis-url.ts';
import { InvalidValue } from './config-error.ts';
import type { Parser } from './parse-values.ts';

const FIX =
  'Write sqlite:PATH, or postgres:, mysql: or mongodb: followed by //user:password@host:port/database, or for a socket ///database?host=/run/postgresql.';

/**
 * Normalises the URL of a database: `sqlite:` with an absolute path, percent-encoded, or `:memory:`;
 * `postgresql:` becomes `postgres:` and `mariadb:` becomes `mysql:`. See `readDatabaseUrl`.
 */
export const databaseUrl: Parser<string> = (text, cwd) => {
  const target = read(text);
  if (target.product !== 'SQLite') return target.url;
  return target.path === null ? 'sqlite::memory:' : `sqlite:${encodePath(resolve(cwd, target.path))}`;
};

/** The URL of one replica. */
export const replicaUrl: Parser<string> = (text) => {
  const target = read(text);
  if (target.product === 'SQLite') {
    throw new InvalidValue(
      'is a SQLite file, which has no replicas',
      'Use PostgreSQL, MySQL, MariaDB or MongoDB, or leave it out.',
    );
  }
  // Otherwise the driver would discover the other members, and read the heartbeat from one and the list from another.
  const isMember = target.url.startsWith('mongodb:') && target.options.get('directconnection') === 'true';
  if (target.product === 'MongoDB' && !isMember) {
    throw new InvalidValue(
      'does not name one member of a replica set',
      'Write one URL per secondary, with ?directConnection=true: mongodb://user:password@host:27017/database?directConnection=true.',
    );
  }
  return target.url;
};

function read(text: string): DatabaseTarget {
  try {
    return readDatabaseUrl(text);
  } catch (error) {
    throw new InvalidValue(error instanceof Error ? error.message : 'is not the URL of a database', FIX);
  }
}

/** The kind of database that a URL of `databaseUrl` names. */
export function kindOf(url: string): string {
  return url.slice(0, url.search(/[:+]/));
}

/** Encodes a path for a `sqlite:` URL. */
export function encodePath(path: string): string {
  return path.replace(/[%?#]/g, encodeURIComponent);
}

/** The file of a `sqlite:` URL of `databaseUrl`; null for memory and for servers. */
export function sqliteFile(url: string): string | null {
  const target = readDatabaseUrl(url);
  return target.product === 'SQLite' ? target.path : null;
}

/** Whether the URL of a database switches TLS off. */
export function isWithoutTls(url: string): boolean {
  const target = readDatabaseUrl(url);
  if (target.product === 'SQLite') return true;
  const { tls, options } = target;
  return (
    tls?.mode === 'off' || (target.product === 'MongoDB' && [options.get('tls'), options.get('ssl')].includes('false'))
  );
}

/** Passwords of images, tutorials and installers, which scanners try first. */
const DEFAULT_PASSWORDS = new Set(
  'postgres postgresql root toor mysql mariadb mongo mongodb admin administrator user username password passw0rd passwd pass secret changeme change-me change_me changeit example test guest default ostiary 123456 12345678'.split(
    ' ',
  ),
);
const WITHOUT_PASSWORD = new Set(['MONGODB-X509', 'MONGODB-AWS', 'MONGODB-OIDC', 'GSSAPI']);

interface Access {
  user: string;
  password: string;
  hosts: string[];
  /** Whether something else than a password proves who connects. */
  hasOtherProof: boolean;
}

/** Whether the URL of a database or a Redis names another machine, with no password or a well-known one. */
export function hasGuessablePassword(url: string): boolean {
  const access = accessOf(url);
  if (access === null || access.hosts.every(isLocal)) return false;
  const { user, password, hasOtherProof } = access;
  return password === '' ? !hasOtherProof : password === user || DEFAULT_PASSWORDS.has(password.toLowerCase());
}

function accessOf(url: string): Access | null {
  if (url.startsWith('redis')) {
    const { username = '', password = '', nodes } = readRedisUrl(url);
    return { user: username, password, hosts: nodes.map(({ host }) => host), hasOtherProof: false };
  }
  const target = readDatabaseUrl(url);
  if (target.product === 'SQLite') return null;
  const mechanism = target.options.get('authmechanism')?.toUpperCase() ?? '';
  return { ...target, hasOtherProof: Boolean(target.tls?.certificate) || WITHOUT_PASSWORD.has(mechanism) };
}

function isLocal(host: string): boolean {
  return (
    host.startsWith('/') ||
    host === '::1' ||
    /(^|\.)localhost$/i.test(host) ||
    (isIPv4(host) && host.startsWith('127.'))
  );
}
