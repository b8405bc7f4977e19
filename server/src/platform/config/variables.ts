import { breachPath } from './breach-path.ts';
import { certificates } from './certificates.ts';
import { databaseUrl, replicaUrl } from './database-url.ts';
import { dkimKey, dkimSelector } from './dkim-key.ts';
import {
  corsOrigin,
  domain,
  listenHost,
  proxyRange,
  publicUrl,
  redisUrl,
  sender,
  smtpUrl,
  trustedHost,
} from './parse-addresses.ts';
import {
  duration,
  integer,
  kibibytes,
  list,
  oneOf,
  onOff,
  type Parser,
  path,
  processes,
  rate,
  reservedUsername,
  size,
} from './parse-values.ts';
import { EXAMPLE_SECRET_KEY, secretKey } from './secret-strength.ts';

/** A text for the parser; `{NAME}` is filled in from that variable. Null: nothing. */
type Default = string | null | { production: string; elsewhere: string };

/** One variable. Parsing, the table in the docs and `.env.example` all come from this. */
export interface Variable<T, D extends Default> {
  default: D;
  parse: Parser<T>;
  /** One sentence. */
  about: string;
  /** May also come from the file that `NAME_FILE` names. */
  secret?: boolean;
  /** No secret, but long: may come from such a file too. */
  long?: boolean;
  /** How to come by a value, where production does without the default. */
  neededInProduction?: string;
  /** For `.env.example`, where there is no default. */
  example?: string;
}

const variable = <T, const D extends Default>(entry: Variable<T, D>): Variable<T, D> => entry;

export const variables = {
  ENVIRONMENT: variable({
    default: 'development',
    parse: oneOf('development', 'production', 'test'),
    about: '`development`, `production` or `test`; production refuses every default that is not safe there.',
  }),
  HOST: variable({
    default: { production: '0.0.0.0', elsewhere: '127.0.0.1' },
    parse: listenHost,
    about: 'Address to listen on.',
  }),
  PORT: variable({ default: '8000', parse: integer(0, 65535), about: 'Port to listen on; 0 takes a free one.' }),
  PUBLIC_URL: variable({
    default: 'http://localhost:{PORT}',
    parse: publicUrl,
    about: 'Where people reach this server; in production it begins with https://.',
    neededInProduction: 'Set it to the https:// address under which people reach this server.',
    example: 'https://auth.example.com',
  }),
  DATA_DIR: variable({
    default: './data',
    parse: path,
    about: 'Directory for the SQLite file and the generated secret.',
  }),
  DATABASE_URL: variable({
    default: 'sqlite:{DATA_DIR}/ostiary.sqlite',
    parse: databaseUrl,
    about: '`sqlite:PATH`, or `postgres:`, `mysql:`, `mongodb:` followed by `//user:password@host:port/database`.',
    secret: true,
  }),
  DATABASE_POOL_SIZE: variable({
    default: '10',
    parse: integer(1, 1000),
    about: 'Most connections to the database at a time.',
  }),
  DATABASE_REPLICA_URLS: variable({
    default: null,
    parse: list(replicaUrl),
    about:
      'Replicas of that database, written like it and separated by commas: they answer lists and histories while they are less than 10 seconds behind.',
    secret: true,
  }),
  REDIS_URL: variable({
    default: null,
    parse: redisUrl,
    about:
      '`redis:`, `redis+sentinel:` or `redis+cluster:` (or `rediss…:` for TLS): carries jobs, counters and messages of all instances; without it jobs lie in the database, and each process counts for itself.',
    secret: true,
    example: 'redis://:password@redis.example.com:6379',
  }),
  ROLE: variable({
    default: 'all',
    parse: oneOf('all', 'web', 'worker'),
    about:
      '`all`, `web` (answers requests, runs no jobs) or `worker` (runs jobs and schedules, answers only `/health` and `/ready`).',
  }),
  WORKERS: variable({
    default: '1',
    parse: processes,
    about: 'Processes that share the port, from 1 to 256, or `auto`: one for each core. SQLite takes 1.',
  }),
  SHUTDOWN_DELAY: variable({
    default: '0s',
    parse: duration('0ms', '10m', '10s'),
    about: 'How long `/ready` answers 503, while requests are still taken, before a stop closes the port.',
  }),
  SECRET_KEY: variable({
    default: null,
    parse: secretKey,
    about:
      'At least 32 bytes that sign and seal; outside production made and kept in `DATA_DIR/secret.key` if not set.',
    secret: true,
    neededInProduction: 'Set it to the output of: openssl rand -base64 32',
    example: EXAMPLE_SECRET_KEY,
  }),
  SECRET_KEY_PREVIOUS: variable({
    default: null,
    parse: secretKey,
    about: 'The key before this one, which still opens what it sealed.',
    secret: true,
  }),
  EMAIL_VERIFICATION: variable({
    default: 'required',
    parse: oneOf('required', 'off'),
    about: '`required` or `off`: whether an account begins only when its address is proved.',
  }),
  REGISTRATION: variable({
    default: 'open',
    parse: oneOf('open', 'invite', 'closed'),
    about: '`open`, `invite` or `closed`: who may make an account.',
  }),
  RESERVED_USERNAMES: variable({
    default: null,
    parse: list(reservedUsername),
    about:
      'Usernames that only administrators give, separated by commas, beside the shipped ones (`admin`, `support`, `root` …); `-team` takes one off.',
    example: 'acme,acme-support,-team',
  }),
  SMTP_URL: variable({
    default: null,
    parse: smtpUrl,
    about:
      '`smtp:` or `smtps:` server that takes the mail; outside production the mailbox at `/dev/mailbox` if not set.',
    secret: true,
    neededInProduction: 'Set it to smtp://user:password@host:587; the development mailbox sends nothing.',
    example: 'smtp://user:password@smtp.example.com:587',
  }),
  SMTP_CA: variable({
    default: null,
    parse: certificates,
    about: 'Certificates in PEM of the authority behind the mail server, trusted for it instead of the public ones.',
    long: true,
  }),
  MAIL_FROM: variable({
    default: 'Ostiary <no-reply@{host of PUBLIC_URL}>',
    parse: sender,
    about: 'Sender of every mail: an address, or a name and an address in angle brackets.',
    neededInProduction:
      'Set it to an address that your mail server may send from, such as Accounts <no-reply@example.com>.',
    example: 'Accounts <no-reply@example.com>',
  }),
  MAIL_DKIM_KEY: variable({
    default: null,
    parse: dkimKey,
    about: 'Private RSA key in PEM that signs mails (DKIM); unsigned if not set.',
    secret: true,
  }),
  MAIL_DKIM_SELECTOR: variable({
    default: null,
    parse: dkimSelector,
    about: 'Under which receivers find the public key of `MAIL_DKIM_KEY`: `<selector>._domainkey.<domain>`.',
  }),
  MAIL_DKIM_DOMAIN: variable({
    default: null,
    parse: domain,
    about: 'Domain that `MAIL_DKIM_KEY` signs for; the domain of `MAIL_FROM` if not set.',
  }),
  CORS_ORIGINS: variable({
    default: null,
    parse: list(corsOrigin),
    about: 'Origins whose pages may call this server from a browser, separated by commas.',
    example: 'https://app.example.com,https://admin.example.com',
  }),
  TRUSTED_HOSTS: variable({
    default: null,
    parse: list(trustedHost),
    about:
      'Host names that are answered, `*.example.com` for all below one, separated by commas; every one if not set.',
    example: 'auth.example.com',
  }),
  TRUSTED_PROXIES: variable({
    default: null,
    parse: list(proxyRange),
    about: 'Addresses or CIDRs of the proxies whose `X-Forwarded-*` is believed, separated by commas; none if not set.',
    example: '10.0.0.0/8,192.0.2.7',
  }),
  BODY_LIMIT: variable({
    default: '256kb',
    parse: size('1kb', '100mb', '256kb'),
    about: 'Largest body of a request.',
  }),
  REQUEST_TIMEOUT: variable({
    default: '15s',
    parse: duration('1s', '10m', '15s'),
    about: 'How long a request may take to arrive.',
  }),
  DOCS: variable({
    default: { production: 'off', elsewhere: 'on' },
    parse: onOff,
    about: '`on` or `off`: serves `/docs`, `/redoc` and `/openapi.json`.',
  }),
  SIGNING_ALGORITHM: variable({
    default: 'EdDSA',
    parse: oneOf('EdDSA', 'ES256', 'RS256'),
    about: '`EdDSA`, `ES256` or `RS256`: new keys are made for it, and sign the access tokens.',
  }),
  KEY_ROTATION_DAYS: variable({
    default: '30',
    parse: integer(1, 3650),
    about: 'Days after which another key takes over, which is published until then.',
  }),
  ACCESS_TOKEN_TTL: variable({
    default: '15m',
    parse: duration('1s', '1d', '15m'),
    about: 'Life of an access token; shorter than `REFRESH_IDLE_TTL`.',
  }),
  REFRESH_IDLE_TTL: variable({
    default: '30d',
    parse: duration('1s', '400d', '30d'),
    about: 'A session ends when it is not refreshed for so long.',
  }),
  REFRESH_ABSOLUTE_TTL: variable({
    default: '90d',
    parse: duration('1s', '3650d', '90d'),
    about: 'A session ends after so long in any case; at least `REFRESH_IDLE_TTL`.',
  }),
  SESSION_LIMIT: variable({
    default: '100',
    parse: integer(1, 10_000),
    about: 'Live sessions that a user may have; the oldest ends when one more begins.',
  }),
  PASSWORD_MIN_LENGTH: variable({
    default: '8',
    parse: integer(8, 128),
    about: 'Fewest characters of a password, from 8 to 128.',
  }),
  PASSWORD_BREACH_FILE: variable({
    default: null,
    parse: breachPath,
    about:
      'What the Pwned Passwords downloader wrote, by SHA-1: its file, or its directory of ranges. Passwords in there are refused as common.',
  }),
  ARGON2_MEMORY: variable({
    default: '19mb',
    parse: kibibytes('8mb', '4gb', '19mb'),
    about: 'Memory that the hash of one password takes.',
  }),
  ARGON2_PASSES: variable({
    default: '2',
    parse: integer(1, 100),
    about: 'Passes that argon2id makes over that memory.',
  }),
  PROOF_OF_WORK: variable({
    default: 'off',
    parse: onOff,
    about: '`on` asks strangers for a proof of work where an account or a client is under attack.',
  }),
  RATE_LIMITS: variable({ default: 'on', parse: onOff, about: '`on` or `off`: limits requests.' }),
  RATE_LIMIT_DEFAULT: variable({
    default: '100/1m',
    parse: rate,
    about: 'Requests that a client may make in a time, on routes without a limit of their own.',
  }),
  EVENT_RETENTION: variable({
    default: '400d',
    parse: duration('31d', '3650d', '400d'),
    about: 'How long the history of what happened (the audit log) is kept.',
  }),
  LOG_LEVEL: variable({
    default: 'info',
    parse: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    about: '`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.',
  }),
  LOG_FORMAT: variable({
    default: { production: 'json', elsewhere: 'text' },
    parse: oneOf('json', 'text'),
    about: '`json` (a line a request, for machines) or `text` (for people).',
  }),
  LOG_FILE: variable({
    default: null,
    parse: path,
    about: 'File for the log, rotated; standard output if not set.',
    example: './data/ostiary.log',
  }),
  LOG_SLOW_REQUEST: variable({
    default: '1s',
    parse: duration('0ms', '10m', '1s'),
    about: 'A request that takes at least so long is logged as a warning.',
  }),
  LOG_SLOW_QUERY: variable({
    default: '200ms',
    parse: duration('0ms', '10m', '200ms'),
    about: 'A query that takes at least so long is logged as a warning.',
  }),
};

export type VariableName = keyof typeof variables;
type ValueOf<V> = V extends Variable<infer T, infer D> ? (D extends null ? T | null : T) : never;

/** What the texts of all variables were parsed into. */
export type Values = { [K in VariableName]: ValueOf<(typeof variables)[K]> };

/** Variables of the contract that a later version brings. */
export const LATER_VARIABLES = ['S3_ENDPOINT', 'S3_REGION', 'S3_ACCESS_KEY', 'S3_SECRET_KEY', 'S3_BUCKET'];

/** The table row by row, in its order. */
export function variableEntries(): [VariableName, Variable<unknown, Default>][] {
  return Object.entries(variables) as [VariableName, Variable<unknown, Default>][];
}

/** Names of the variables that may come from a file. */
export function namesWithFile(): VariableName[] {
  return variableEntries().flatMap(([name, { secret, long }]) => (secret || long ? [name] : []));
}

/** The default of a variable as it stands in the table, with its `{NAME}` unfilled. */
export function defaultText(entry: Variable<unknown, Default>, production: boolean): string | null {
  if (entry.default === null || typeof entry.default === 'string') return entry.default;
  return production ? entry.default.production : entry.default.elsewhere;
}
