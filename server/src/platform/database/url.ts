import { isIPv6 } from 'node:net';
import { DatabaseUnreachable } from './errors.ts';
import { type PostgresOptions, readPostgresOptions } from './postgres-options.ts';
import { readTls, TLS_OPTIONS, type Tls } from './tls.ts';

/** A checked database URL. */
export interface SqliteTarget {
  product: 'SQLite';
  /** A path, relative to the working directory or absolute; null for a database in memory. */
  path: string | null;
}

export interface ServerTarget {
  product: 'PostgreSQL' | 'MySQL' | 'MongoDB';
  /** With the scheme of the driver. Only that of MongoDB reads it; the others get the parts below. */
  url: string;
  /** Host and port, or socket, for messages; several, for MongoDB, joined by commas. */
  host: string;
  /** Decoded, without ports and brackets; a path is a Unix socket. */
  hosts: string[];
  /** Of the first host. */
  port: number;
  database: string;
  user: string;
  password: string;
  /** Null: the URL does not say. Of MongoDB its driver reads it. */
  tls: Tls | null;
  /** Null: another product. */
  postgres: PostgresOptions | null;
  /** Names in lower case, without `-` and `_`. */
  options: ReadonlyMap<string, string>;
}

export type DatabaseTarget = SqliteTarget | ServerTarget;

interface Kind {
  product: ServerTarget['product'];
  scheme: string;
  port: number;
  options: readonly string[];
  /** As above, for the operator. */
  named: string;
}

/** What tuning of other clients the settings of this server replace. */
const REPLACED = ['connecttimeout', 'connectionlimit', 'pooltimeout'];

const POSTGRES: Kind = {
  product: 'PostgreSQL',
  scheme: 'postgres',
  port: 5432,
  options: [
    ...['host', 'port', 'user', 'password', 'dbname', 'applicationname', 'options', 'schema', 'currentschema'],
    ...['searchpath', 'pgbouncer', 'sslnegotiation', 'channelbinding', ...TLS_OPTIONS, ...REPLACED],
  ],
  named:
    'host, port, user, password, dbname, application_name, options, schema, pgbouncer, sslmode, sslrootcert, sslcert, sslkey, sslnegotiation and channel_binding',
};
const MYSQL: Kind = {
  product: 'MySQL',
  scheme: 'mysql',
  port: 3306,
  options: ['user', 'password', 'socket', 'socketpath', 'unixsocket', ...TLS_OPTIONS, ...REPLACED],
  named: 'user, password, socket, ssl-mode, ssl-ca, ssl-cert and ssl-key',
};
const MONGODB: Kind = {
  product: 'MongoDB',
  scheme: 'mongodb',
  port: 27_017,
  options:
    'appName authMechanism authMechanismProperties authSource compressors connectTimeoutMS directConnection heartbeatFrequencyMS journal loadBalanced localThresholdMS maxConnecting maxIdleTimeMS maxPoolSize maxStalenessSeconds minPoolSize readConcernLevel readPreference readPreferenceTags replicaSet retryReads retryWrites serverMonitoringMode serverSelectionTimeoutMS socketTimeoutMS srvMaxHosts srvServiceName ssl timeoutMS tls tlsAllowInvalidCertificates tlsAllowInvalidHostnames tlsCAFile tlsCRLFile tlsCertificateKeyFile tlsCertificateKeyFilePassword tlsInsecure w waitQueueTimeoutMS wtimeoutMS zlibCompressionLevel'
      .toLowerCase()
      .split(' '),
  named: 'those of a MongoDB connection string',
};

const KINDS = new Map<string, Kind>(
  Object.entries({
    postgres: POSTGRES,
    postgresql: POSTGRES,
    mysql: MYSQL,
    mariadb: MYSQL,
    mongodb: MONGODB,
    'mongodb+srv': { ...MONGODB, scheme: 'mongodb+srv' },
  }),
);

/**
 * Reads the URL of a database. Every option is known: an unknown one may be meant as protection, and is refused. Throws a `TypeError` that
 * says what is wrong, as the predicate of a sentence, without repeating the URL (it may contain a password, also as a wrong option).
 */
export function readDatabaseUrl(text: string): DatabaseTarget {
  const [, scheme = '', rest = ''] = /^([a-z+]+):(.*)$/is.exec(text) ?? [];
  if (scheme.toLowerCase() === 'sqlite') return sqliteTarget(rest);
  const kind = KINDS.get(scheme.toLowerCase());
  if (kind === undefined) throw new TypeError('must begin with sqlite:, postgres://, mysql:// or mongodb://');
  const url = `${kind.scheme}:${rest}`;
  const parts = splitUrl(url);
  // The options take precedence over the authority, as in the drivers.
  const authorities = parts.hosts.join() === '' ? [] : parts.hosts.map((one) => hostOf(decode(one)));
  const options = readOptions(parts.query, kind);
  const option = (...names: string[]) => names.map((name) => options.get(name)).find((value) => value);
  // Its driver would connect in clear.
  const isTlsMeant = [...options.keys()].some((name) => name.startsWith('tls') && name !== 'tls');
  if (kind.scheme === 'mongodb' && isTlsMeant && !options.has('tls') && !options.has('ssl')) {
    throw new TypeError('has options of TLS without tls=true');
  }
  const place = option('host', 'socket', 'socketpath', 'unixsocket');
  const hosts =
    place === undefined ? authorities : place.split(',').map((one) => hostOf(isIPv6(one) ? `[${one}]` : one));
  if (hosts.length === 0) throw new TypeError('names no host');
  if (kind.product !== 'MongoDB' && hosts.length > 1) {
    throw new TypeError('names several hosts, which only MongoDB takes: name the one that leads to the primary');
  }
  const port = portOf(option('port')) ?? hosts[0]?.port ?? kind.port;
  const database = option('dbname') ?? parts.path;
  if (database === '') throw new TypeError('names no database: add its name after the host, //host:port/ostiary');
  return {
    product: kind.product,
    url,
    host: hosts.map((one) => shown(one, kind, port)).join(','),
    hosts: hosts.map(({ name }) => name),
    port,
    database,
    user: option('user') ?? parts.user,
    password: option('password') ?? parts.password,
    tls: kind.product === 'MongoDB' ? null : readTls(options),
    postgres: kind.product === 'PostgreSQL' ? readPostgresOptions(options) : null,
    options,
  };
}

/** The same, for a caller that has not checked it: throws `DatabaseUnreachable` with a sentence. */
export function databaseTarget(url: string): DatabaseTarget {
  try {
    return readDatabaseUrl(url);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new DatabaseUnreachable(`The database URL ${error.message}.`, error);
  }
}

export interface UrlParts {
  user: string;
  password: string;
  /** Not decoded, with ports. */
  hosts: string[];
  path: string;
  query: URLSearchParams;
}

/** `URL` accepts neither the several hosts of MongoDB nor none of a socket, so the authority is parsed here (RFC 3986, 3.2). Throws a `TypeError`. */
export function splitUrl(url: string): UrlParts {
  const parts = /^[a-z+]+:\/\/(?:([^/?#]*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(url);
  const [, userInfo = '', hosts = '', path = '', query = ''] = parts ?? [];
  // An unencoded `/` in the password would otherwise become a part of the host or database, and appear in messages.
  if (parts === null || /[\s\p{Cc}]/u.test(url) || path.includes('@')) {
    throw new TypeError(
      'cannot be read: percent-encode the special characters of user and password (@ is %40, / is %2F)',
    );
  }
  const colon = userInfo.indexOf(':');
  return {
    user: decode(colon < 0 ? userInfo : userInfo.slice(0, colon)),
    password: colon < 0 ? '' : decode(userInfo.slice(colon + 1)),
    hosts: hosts.split(','),
    path: decode(path),
    query: new URLSearchParams(query),
  };
}

function sqliteTarget(rest: string): SqliteTarget {
  if (rest === ':memory:') return { product: 'SQLite', path: null };
  if (/[?#]/.test(rest)) throw new TypeError('names no SQLite file: sqlite: takes no options after a ? or #');
  const path = decode(rest.replace(/^\/\/(?=\/)/, ''));
  if (path === '' || path.startsWith('//') || path.endsWith('/') || path.includes('\0')) {
    throw new TypeError('names no SQLite file: write sqlite:./data/ostiary.sqlite or sqlite:/absolute/path');
  }
  return { product: 'SQLite', path };
}

function readOptions(query: URLSearchParams, kind: Kind): Map<string, string> {
  const options = new Map<string, string>();
  for (const [name, value] of query) {
    const plain = name.toLowerCase().replace(/[-_]/g, '');
    // Not named: after an unencoded `?` it is a part of the password.
    if (!kind.options.includes(plain)) throw new TypeError(`has an unknown option; its options are ${kind.named}`);
    if (options.has(plain) && kind.product !== 'MongoDB') throw new TypeError('has an option twice');
    options.set(plain, value);
  }
  return options;
}

const BAD_HOST = 'cannot be read: it has a bad host or port';

interface Host {
  name: string;
  port: number | null;
}

function hostOf(authority: string): Host {
  if (authority === '') throw new TypeError('names no host');
  if (authority.startsWith('/')) {
    const [, name = authority, port] = /^(.*?)(?::(\d{1,5}))?$/.exec(authority) ?? [];
    return { name, port: port === undefined ? null : Number(port) };
  }
  const [, bracketed, plain, port] = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/i.exec(authority) ?? [];
  const name = bracketed ?? plain;
  if (name === undefined || !URL.canParse(`http://${authority}`)) throw new TypeError(BAD_HOST);
  return { name, port: port === undefined ? null : Number(port) };
}

function portOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new TypeError(BAD_HOST);
  return Number(text);
}

function shown({ name, port }: Host, { product, scheme }: Kind, first: number): string {
  if (name.startsWith('/')) return product === 'PostgreSQL' ? `${name}/.s.PGSQL.${first}` : name;
  const host = name.includes(':') ? `[${name}]` : name;
  if (scheme === 'mongodb+srv') return host;
  return `${host}:${product === 'MongoDB' ? (port ?? MONGODB.port) : first}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError('has a stray % in it: percent-encode the special characters of user and password (% is %25)');
  }
}
