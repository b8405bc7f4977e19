import { readTls } from './tls.ts';

/** What only URLs of PostgreSQL say. */
export interface PostgresOptions {
  applicationName: string;
  /** The schemas in which tables are looked for, and in the first of which they are made: a list of quoted names. Null: as the server has it. */
  searchPath: string | null;
  /** Settings of the session in the form of a command line: `-c name=value`. */
  options: string | null;
  /** Whether a URL of other clients says that a pooler in transaction mode is between. */
  isPooled: boolean;
  /** SCRAM bound to the certificate (RFC 5929), where the server offers it. */
  channelBinding: boolean;
  /** TLS from the first byte. */
  isDirectTls: boolean;
}

/** Reads options whose names are in lower case, without `-` and `_`. Throws a `TypeError` that says what is wrong. */
export function readPostgresOptions(options: ReadonlyMap<string, string>): PostgresOptions {
  const binding = word(options, 'channelbinding', ['disable', 'prefer', 'require']);
  // A server that cannot bind might be another one, which only a verified certificate rules out.
  if (binding === 'require' && readTls(options)?.mode !== 'verify-full') {
    throw new TypeError('has channel_binding=require without sslmode=require: both together keep others out');
  }
  const negotiation = word(options, 'sslnegotiation', ['postgres', 'direct']);
  const tls = readTls(options)?.mode ?? 'off';
  if (negotiation === 'direct' && tls === 'off')
    throw new TypeError('has sslnegotiation=direct without sslmode=require');
  return {
    applicationName: options.get('applicationname') || 'ostiary',
    searchPath: searchPathOf(options),
    options: options.get('options') || null,
    isPooled: word(options, 'pgbouncer', ['true', 'false']) === 'true',
    channelBinding: binding === 'prefer' || binding === 'require',
    isDirectTls: negotiation === 'direct',
  };
}

function searchPathOf(options: ReadonlyMap<string, string>): string | null {
  const given = ['schema', 'currentschema', 'searchpath'].flatMap((name) => options.get(name) || []);
  if (given.length > 1) throw new TypeError('names schemas twice');
  const [list] = given;
  if (list === undefined) return null;
  const names = list.split(',').map((name) => name.trim().replace(/^"(.*)"$/, '$1'));
  if (!names.every((name) => /^[\w$-]{1,63}$/.test(name))) throw new TypeError('has a bad name of a schema');
  return names.map((name) => `"${name}"`).join(', ');
}

function word(options: ReadonlyMap<string, string>, name: string, words: string[]): string | null {
  const given = options.get(name);
  if (given === undefined || given === '') return null;
  const found = words.find((one) => one === given.toLowerCase());
  if (found === undefined) throw new TypeError(`has an option that is not one of ${words.join(', ')}`);
  return found;
}
