import { isIPv4 } from 'node:net';
import { resolve } from 'node:path';
import { InvalidValue } from './config-error.ts';
import type { Parser } from './parse-values.ts';

const SCHEMES = new Map(
  Object.entries({
    sqlite: 'sqlite',
    postgres: 'postgres',
    postgresql: 'postgres',
    mysql: 'mysql',
    mariadb: 'mysql',
    mongodb: 'mongodb',
    'mongodb+srv': 'mongodb+srv',
  }),
);
const FIX = 'Write sqlite:PATH, or postgres:, mysql: or mongodb: followed by //user:password@host:port/database.';
const ENCODE = 'Percent-encode the special characters of user and password: @ is %40, / is %2F, # is %23, % is %25.';

interface Server {
  user: string;
  password: string;
  /** Decoded, without ports; a path is a Unix socket. */
  hosts: string[];
  database: string;
  options: URLSearchParams;
}

/**
 * Normalises the URL of a database: `sqlite:` with an absolute path, percent-encoded, or `:memory:`;
 * `postgresql:` becomes `postgres:` and `mariadb:` becomes `mysql:`. The rest is passed to the driver unchanged.
 */
export const databaseUrl: Parser<string> = (text, cwd) => {
  const [, scheme = '', rest = ''] = /^([a-z+]+):(.*)$/is.exec(text) ?? [];
  const known = SCHEMES.get(scheme.toLowerCase());
  if (known === undefined) throw new InvalidValue('does not begin with a supported kind of database', FIX);
  if (known === 'sqlite')
    return rest === ':memory:' ? 'sqlite::memory:' : `sqlite:${encodePath(sqlitePath(rest, cwd))}`;
  const url = `${known}:${rest}`;
  const { hosts, database } = splitServerUrl(url);
  if (hosts.includes('')) throw new InvalidValue('names no host', FIX);
  if (database === '') throw new InvalidValue('names no database', 'Add its name after the host: //host:port/ostiary.');
  return url;
};

/** The URL of one replica. */
export const replicaUrl: Parser<string> = (text, cwd) => {
  const url = databaseUrl(text, cwd);
  if (url.startsWith('sqlite:')) {
    throw new InvalidValue(
      'is a SQLite file, which has no replicas',
      'Use PostgreSQL, MySQL, MariaDB or MongoDB, or leave it out.',
    );
  }
  // Otherwise the driver would discover the other members, and read the heartbeat from one and the list from another.
  const isMember = url.startsWith('mongodb:') && splitServerUrl(url).options.get('directConnection') === 'true';
  if (url.startsWith('mongodb') && !isMember) {
    throw new InvalidValue(
      'does not name one member of a replica set',
      'Write one URL per secondary, with ?directConnection=true: mongodb://user:password@host:27017/database?directConnection=true.',
    );
  }
  return url;
};

/** The kind of database that a URL of `databaseUrl` names. */
export function kindOf(url: string): string {
  return url.slice(0, url.search(/[:+]/));
}

function sqlitePath(rest: string, cwd: string): string {
  if (/[?#]/.test(rest)) {
    throw new InvalidValue('has options, which sqlite: does not take', 'Remove the ? or # and what follows it.');
  }
  const file = decode(rest.replace(/^\/\/(?=\/)/, ''));
  if (file === '' || file.startsWith('//') || file.endsWith('/') || file.includes('\0')) {
    throw new InvalidValue('names no file', 'Write sqlite:./data/ostiary.sqlite or sqlite:/absolute/path.');
  }
  return resolve(cwd, file);
}

/** Encodes a path for a `sqlite:` URL. */
export function encodePath(path: string): string {
  return path.replace(/[%?#]/g, encodeURIComponent);
}

/** The file of a `sqlite:` URL of `databaseUrl`; null for memory and for servers. */
export function sqliteFile(url: string): string | null {
  return url.startsWith('sqlite:/') ? decode(url.slice('sqlite:'.length)) : null;
}

/** `URL` does not accept the several hosts that MongoDB allows, so the authority is parsed here (RFC 3986, 3.2). */
function splitServerUrl(url: string): Server {
  const parts = /^[a-z+]+:\/\/(?:([^/?#]*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(url);
  if (parts === null || /[\s\p{Cc}]/u.test(url)) throw new InvalidValue('is not a URL', `${FIX} ${ENCODE}`);
  const [, userInfo = '', hostList = '', path = '', query = ''] = parts;
  const colon = userInfo.indexOf(':');
  const options = new URLSearchParams(query);
  const hosts = hostList.split(',').map((entry) => hostOf(decode(entry)));
  // The options take precedence over the authority, as in the drivers.
  const host = options.get('host') ?? options.get('socketPath');
  return {
    user: options.get('user') ?? decode(colon < 0 ? userInfo : userInfo.slice(0, colon)),
    password: options.get('password') ?? (colon < 0 ? '' : decode(userInfo.slice(colon + 1))),
    hosts: host === null || hosts.includes('') ? hosts : [host],
    database: decode(path),
    options,
  };
}

function hostOf(authority: string): string {
  if (authority === '' || authority.startsWith('/')) return authority;
  if (!URL.canParse(`http://${authority}`)) throw new InvalidValue('has a bad host or port', `${FIX} ${ENCODE}`);
  return new URL(`http://${authority}`).hostname;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new InvalidValue('has a % that encodes nothing', ENCODE);
  }
}

/** Passwords of images, tutorials and installers, which scanners try first. */
const DEFAULT_PASSWORDS = new Set(
  'postgres postgresql root toor mysql mariadb mongo mongodb admin administrator user username password passw0rd passwd pass secret changeme change-me change_me changeit example test guest default ostiary 123456 12345678'.split(
    ' ',
  ),
);
const WITHOUT_PASSWORD = new Set(['MONGODB-X509', 'MONGODB-AWS', 'MONGODB-OIDC', 'GSSAPI']);

/** Whether the URL names another machine, with no password or a well-known one. */
export function hasGuessablePassword(url: string): boolean {
  if (url.startsWith('sqlite:')) return false;
  const { user, password, hosts, options } = splitServerUrl(url);
  if (hosts.every(isLocal)) return false;
  if (password === '') {
    return !options.has('sslcert') && !WITHOUT_PASSWORD.has(options.get('authMechanism')?.toUpperCase() ?? '');
  }
  return password === user || DEFAULT_PASSWORDS.has(password.toLowerCase());
}

function isLocal(host: string): boolean {
  return (
    host.startsWith('/') ||
    host === '[::1]' ||
    host === '::1' ||
    /(^|\.)localhost$/i.test(host) ||
    (isIPv4(host) && host.startsWith('127.'))
  );
}
