import { breachPath } from './breach-path.ts';
import { certificates } from './certificates.ts';
import { databaseUrl, replicaUrl } from './database-url.ts';
import { dkimKey, dkimSelector } from './dkim-key.ts';
import {
  corsOrigin,
  domain,
  headerName,
  listenHost,
  passkeyOrigin,
  proxyRange,
  publicUrl,
  redisUrl,
  sender,
  smtpUrl,
  trustedHost,
} from './parse-addresses.ts';
import {
  duration,
  durationOrNone,
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
  s3Bucket,
  s3Region,
  size,
  visible,
} from './parse-values.ts';
import { EXAMPLE_SECRET_KEY, secretKey } from './secret-strength.ts';

/** Text for the parser; `{NAME}` stands for the value of that variable. Null: no default. */
type Default = string | null | { production: string; elsewhere: string };

/** One variable: the source of its parsing, its row in the docs and its line in `.env.example`. */
export interface Variable<T, D extends Default> {
  default: D;
  parse: Parser<T>;
  /** One sentence. */
  about: string;
  /** A secret: may also come from the file that `NAME_FILE` names. */
  secret?: boolean;
  /** Not a secret, but long: may come from such a file too. */
  long?: boolean;
  /** How to get a value; set where production does not take the default. */
  neededInProduction?: string;
  /** For `.env.example`, where there is no default. */
  example?: string;
}

const variable = <T, const D extends Default>(entry: Variable<T, D>): Variable<T, D> => entry;

export const variables = {
  ENVIRONMENT: variable({
    default: 'development',
    parse: oneOf('development', 'production', 'test'),
    about: '`development`, `production` or `test`; production refuses unsafe defaults.',
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
    about: 'Public address of this server; in production an https:// address.',
    neededInProduction: 'Set it to the https:// address under which people reach this server.',
    example: 'https://auth.example.com',
  }),
  PAGES_URL: variable({
    default: null,
    parse: publicUrl,
    about:
      'Address of your own pages, if you have some: mails lead to `/reset-password`, `/accept-invitation` and `/email-sign-in` there, with `#token=` behind. By default `PUBLIC_URL`, where this server has these pages.',
    example: 'https://app.example.com',
  }),
  DATA_DIR: variable({
    default: './data',
    parse: path,
    about:
      'Directory of the SQLite file, the generated secret, the development mailbox, and files without `S3_ENDPOINT`.',
  }),
  OSTIARY_CONFIG: variable({
    default: null,
    parse: path,
    about:
      'File that lists modules of your own; by default `ostiary.config.ts` or `ostiary.config.js` in the working directory, if there is one.',
    example: './ostiary.config.ts',
  }),
  DATABASE_URL: variable({
    default: 'sqlite:{DATA_DIR}/ostiary.sqlite',
    parse: databaseUrl,
    about: '`sqlite:PATH`, or `postgres:`, `mysql:`, `mongodb:` followed by `//user:password@host:port/database`.',
    secret: true,
  }),
  DATABASE_CA: variable({
    default: null,
    parse: certificates,
    about:
      'PEM certificates of the authority to trust for the database and its replicas instead of the public ones; requires TLS.',
    long: true,
  }),
  DATABASE_POOLER: variable({
    default: 'auto',
    parse: oneOf('auto', 'transaction', 'off'),
    about:
      '`auto`, `transaction` or `off`: whether PostgreSQL is behind a pooler that gives each transaction another session, such as PgBouncer; `auto` notices most.',
  }),
  DATABASE_POOL_SIZE: variable({
    default: '10',
    parse: integer(1, 1000),
    about: 'Maximum number of database connections.',
  }),
  DATABASE_REPLICA_URLS: variable({
    default: null,
    parse: list(replicaUrl),
    about:
      'Read replicas of that database, in the same form, separated by commas; they answer lists and histories while they lag less than 10 seconds.',
    secret: true,
  }),
  REDIS_URL: variable({
    default: null,
    parse: redisUrl,
    about:
      '`redis:`, `redis+sentinel:` or `redis+cluster:` (or `rediss…:` for TLS): shares jobs, counters and messages between instances. Without it, jobs are in the database and each process counts for itself.',
    secret: true,
    example: 'redis://:password@redis.example.com:6379',
  }),
  REDIS_CA: variable({
    default: null,
    parse: certificates,
    about:
      'PEM certificates of the authority to trust for Redis instead of the public ones; `REDIS_URL` begins with `rediss`.',
    long: true,
  }),
  S3_ENDPOINT: variable({
    default: null,
    parse: publicUrl,
    about:
      'Address of an S3-compatible service that stores files (AWS, MinIO, R2, Ceph, …). Without it, they are in `DATA_DIR/objects`, for servers on one host.',
    example: 'https://s3.eu-central-1.amazonaws.com',
  }),
  S3_REGION: variable({ default: 'us-east-1', parse: s3Region, about: 'Region of that service.' }),
  S3_BUCKET: variable({
    default: null,
    parse: s3Bucket,
    about: 'Bucket for the files; it must exist, and belong to this server alone.',
    example: 'ostiary-files',
  }),
  S3_ACCESS_KEY: variable({
    default: null,
    parse: visible,
    about: 'Access key for the bucket.',
    secret: true,
    example: 'AKIAEXAMPLE',
  }),
  S3_SECRET_KEY: variable({
    default: null,
    parse: visible,
    about: 'Secret key for the bucket.',
    secret: true,
    example: 'its-secret-key',
  }),
  S3_SESSION_TOKEN: variable({
    default: null,
    parse: visible,
    about: 'Session token, if those keys are temporary.',
    secret: true,
    example: 'FwoGZXIvYXdzEXAMPLE',
  }),
  S3_PUBLIC_ENDPOINT: variable({
    default: null,
    parse: publicUrl,
    about:
      'Address of that service for browsers, if it is another one. Never the origin of `PUBLIC_URL`, where what users upload must not be.',
    example: 'https://files.example.com',
  }),
  S3_ADDRESSING: variable({
    default: 'path',
    parse: oneOf('path', 'host'),
    about: '`path` or `host`: whether addresses have the bucket in their path or before their host name.',
  }),
  S3_CHECKSUMS: variable({
    default: 'on',
    parse: onOff,
    about:
      '`on` or `off`: whether uploads carry `x-amz-checksum-sha256`; off for services that refuse it (Backblaze B2, R2). Then files are read back to be checked.',
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
    about: 'Number of processes that share the port, 1 to 256, or `auto` for one per core. SQLite allows 1.',
  }),
  SHUTDOWN_DELAY: variable({
    default: '0s',
    parse: duration('0ms', '10m', '10s'),
    about: 'How long `/ready` answers 503 on shutdown, with requests still served, before the port closes.',
  }),
  SECRET_KEY: variable({
    default: null,
    parse: secretKey,
    about:
      'Secret of at least 32 bytes that signs and encrypts; outside production generated into `DATA_DIR/secret.key` if not set.',
    secret: true,
    neededInProduction: 'Set it to the output of: openssl rand -base64 32',
    example: EXAMPLE_SECRET_KEY,
  }),
  SECRET_KEY_PREVIOUS: variable({
    default: null,
    parse: secretKey,
    about: 'The previous `SECRET_KEY`, which still decrypts what it encrypted.',
    secret: true,
  }),
  EMAIL_VERIFICATION: variable({
    default: 'required',
    parse: oneOf('required', 'off'),
    about: '`required` or `off`: whether an account is created only after its e-mail address is verified.',
  }),
  REGISTRATION: variable({
    default: 'open',
    parse: oneOf('open', 'invite', 'closed'),
    about: '`open`, `invite` or `closed`: who may create an account.',
  }),
  EMAIL_SIGN_IN: variable({
    default: 'off',
    parse: oneOf('off', 'code', 'link'),
    about:
      '`off`, `code` or `link`: whether people may sign in by mail, with a code of eight digits, and with `link` also by a link.',
  }),
  EMAIL_LINK_ELSEWHERE: variable({
    default: 'refuse',
    parse: oneOf('refuse', 'confirm'),
    about:
      '`refuse` or `confirm`: what such a link does in another browser than the one that asked for it; `confirm` signs in there after a press, which some scanners of mails also do.',
  }),
  RESERVED_USERNAMES: variable({
    default: null,
    parse: list(reservedUsername),
    about:
      'Usernames that only administrators can assign, separated by commas, in addition to the built-in ones (`admin`, `support`, `root` …); `-team` removes one.',
    example: 'acme,acme-support,-team',
  }),
  SMTP_URL: variable({
    default: null,
    parse: smtpUrl,
    about: '`smtp:` or `smtps:` mail server; outside production the mailbox at `/dev/mailbox` if not set.',
    secret: true,
    neededInProduction: 'Set it to smtp://user:password@host:587; the development mailbox sends nothing.',
    example: 'smtp://user:password@smtp.example.com:587',
  }),
  SMTP_CA: variable({
    default: null,
    parse: certificates,
    about: 'PEM certificates of the authority to trust for the mail server instead of the public ones.',
    long: true,
  }),
  SMTP_EHLO_NAME: variable({
    default: null,
    parse: domain,
    about:
      'The name that this server gives itself when it connects to the mail server (EHLO); the host of `PUBLIC_URL` if not set. Some relays refuse `localhost` and addresses.',
    example: 'auth.example.com',
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
    about: 'PEM private RSA key that signs mails (DKIM); mails are unsigned if not set.',
    secret: true,
  }),
  MAIL_DKIM_SELECTOR: variable({
    default: null,
    parse: dkimSelector,
    about: 'DKIM selector: receivers find the public key at `<selector>._domainkey.<domain>`.',
  }),
  MAIL_DKIM_DOMAIN: variable({
    default: null,
    parse: domain,
    about: 'DKIM domain; the domain of `MAIL_FROM` if not set.',
  }),
  CORS_ORIGINS: variable({
    default: null,
    parse: list(corsOrigin),
    about: 'Origins whose pages may call this server from a browser, separated by commas.',
    example: 'https://app.example.com,https://admin.example.com',
  }),
  CORS_HEADERS: variable({
    default: null,
    parse: list(headerName),
    about:
      'Header fields that those pages may send besides the ones of the API and of common tracers (`traceparent`, `sentry-trace`, …), separated by commas.',
    example: 'X-Tenant,X-App-Version',
  }),
  TRUSTED_HOSTS: variable({
    default: null,
    parse: list(trustedHost),
    about: 'Host names that are served, separated by commas, `*.example.com` for all subdomains; all if not set.',
    example: 'auth.example.com',
  }),
  TRUSTED_PROXIES: variable({
    default: null,
    parse: list(proxyRange),
    about:
      'Addresses or CIDR ranges of the proxies whose `X-Forwarded-*` headers are trusted, separated by commas; none if not set.',
    example: '10.0.0.0/8,192.0.2.7',
  }),
  PROXY_PATH: variable({
    default: 'removed',
    parse: oneOf('removed', 'kept'),
    about:
      '`removed` or `kept`: what the proxy does with the path of `PUBLIC_URL`, if that has one, in the requests that it passes on.',
  }),
  BODY_LIMIT: variable({
    default: '256kb',
    parse: size('1kb', '100mb', '256kb'),
    about: 'Maximum size of a request body.',
  }),
  REQUEST_TIMEOUT: variable({
    default: '15s',
    parse: duration('1s', '10m', '15s'),
    about: 'Maximum time for a request to arrive.',
  }),
  DOCS: variable({
    default: { production: 'off', elsewhere: 'on' },
    parse: onOff,
    about: '`on` or `off`: whether `/docs`, `/redoc` and `/openapi.json` are served.',
  }),
  SIGNING_ALGORITHM: variable({
    default: 'EdDSA',
    parse: oneOf('EdDSA', 'ES256', 'RS256'),
    about: '`EdDSA`, `ES256` or `RS256`: algorithm of new keys for access tokens.',
  }),
  KEY_ROTATION_DAYS: variable({
    default: '30',
    parse: integer(1, 3650),
    about: 'Days between key rotations; the next key is published in advance.',
  }),
  ACCESS_TOKEN_TTL: variable({
    default: '15m',
    parse: duration('1s', '1d', '15m'),
    about: 'Lifetime of an access token; less than `REFRESH_IDLE_TTL`.',
  }),
  REFRESH_IDLE_TTL: variable({
    default: '30d',
    parse: duration('1s', '400d', '30d'),
    about: 'A session ends after this time without a refresh.',
  }),
  REFRESH_ABSOLUTE_TTL: variable({
    default: '90d',
    parse: duration('1s', '3650d', '90d'),
    about: 'A session ends after this time in any case; at least `REFRESH_IDLE_TTL`.',
  }),
  REFRESH_BINDING: variable({
    default: 'browser',
    parse: oneOf('browser', 'off'),
    about:
      '`browser`: a refresh token in a cookie is accepted only from the make and system of browser that signed in; `off`: from any client.',
  }),
  SESSION_LIMIT: variable({
    default: '100',
    parse: integer(1, 10_000),
    about: 'Maximum number of live sessions per user; one more ends the one that was used least lately.',
  }),
  API_KEYS: variable({
    default: 'off',
    parse: onOff,
    about: '`on` or `off`: keys for programs. With `off` no key is made, and those that exist are refused.',
  }),
  API_KEY_MAX_TTL: variable({
    default: '366d',
    parse: duration('1d', '3650d', '366d'),
    about: 'Maximum lifetime of a key; every key has an end.',
  }),
  PASSWORD_MIN_LENGTH: variable({
    default: '8',
    parse: integer(8, 128),
    about: 'Minimum password length in characters, 8 to 128.',
  }),
  PASSWORD_BREACH_FILE: variable({
    default: null,
    parse: breachPath,
    about:
      'SHA-1 output of the Pwned Passwords downloader: its file or its directory of ranges. Passwords in it are refused as common.',
  }),
  ARGON2_MEMORY: variable({
    default: '19mb',
    parse: kibibytes('8mb', '4gb', '19mb'),
    about: 'Memory for hashing one password.',
  }),
  ARGON2_PASSES: variable({
    default: '2',
    parse: integer(1, 100),
    about: 'Number of argon2id passes over that memory.',
  }),
  PASSKEYS: variable({
    default: 'on',
    parse: onOff,
    about: '`on` or `off`: whether people can add passkeys, and sign in with them.',
  }),
  PASSKEY_RP_ID: variable({
    default: '{host of PUBLIC_URL}',
    parse: domain,
    about:
      'The domain that passkeys belong to (relying party id): the host of your sign-in page, or a domain above it. With another one, all passkeys of the former one are lost.',
    example: 'example.com',
  }),
  PASSKEY_ORIGINS: variable({
    default: null,
    parse: list(passkeyOrigin),
    about:
      'Origins whose pages and apps may use passkeys, separated by commas. By default those of `PUBLIC_URL`, `PAGES_URL` and `CORS_ORIGINS` that belong to `PASSKEY_RP_ID`.',
    example: 'https://auth.example.com,https://app.example.com',
  }),
  PROOF_OF_WORK: variable({
    default: 'off',
    parse: onOff,
    about: '`on` asks unknown devices for a proof of work when an account or a client is under attack.',
  }),
  RATE_LIMITS: variable({
    default: 'on',
    parse: onOff,
    about: '`on` or `off`: request limits and brute-force protection.',
  }),
  RATE_LIMIT_DEFAULT: variable({
    default: '100/1m',
    parse: rate,
    about: 'Requests per address and time without a valid token, on routes without a limit of their own.',
  }),
  EMAIL_MOVE_DELAY: variable({
    default: '1d',
    parse: duration('1h', '30d', '1d'),
    about:
      'How long a new address from an administrator waits, so that its owner can stop it, where the account has any role beyond `user`.',
  }),
  MFA_REQUIRED: variable({
    default: 'roles',
    parse: oneOf('none', 'roles', 'all'),
    about:
      'Whom a sign-in asks to set up a second factor: `none`, those with `roles` that demand one, or `all`. What a role demands holds for its permissions in any case.',
  }),
  MFA_GRACE: variable({
    default: '7d',
    parse: durationOrNone('90d', '7d'),
    about:
      'How long a person may put off setting up a second factor, from the first sign-in or refresh that finds it demanded; `0`: not at all.',
  }),
  MFA_TRUST_TTL: variable({
    default: '30d',
    parse: durationOrNone('365d', '30d'),
    about: 'How long a browser that its owner trusts is not asked for the second factor; `0`: no browser is trusted.',
  }),
  MFA_RESET_DELAY: variable({
    default: '24h',
    parse: duration('1h', '30d', '24h'),
    about: 'How long a reset of second factors waits, so that their owner can stop it.',
  }),
  MFA_SELF_RECOVERY: variable({
    default: 'delayed',
    parse: oneOf('off', 'delayed'),
    about:
      '`delayed`: who has lost the second factor can reset it by the verified address, after `MFA_RESET_DELAY`, unless a role demands one; `off`: only administrators.',
  }),
  EVENT_RETENTION: variable({
    default: '400d',
    parse: duration('31d', '3650d', '400d'),
    about: 'How long the audit log is kept.',
  }),
  LOG_LEVEL: variable({
    default: 'info',
    parse: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    about: '`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.',
  }),
  LOG_FORMAT: variable({
    default: { production: 'json', elsewhere: 'text' },
    parse: oneOf('json', 'text'),
    about: '`json` (for machines) or `text` (for people).',
  }),
  LOG_FILE: variable({
    default: null,
    parse: path,
    about: 'Log file, rotated; standard output if not set.',
    example: './data/ostiary.log',
  }),
  LOG_SLOW_REQUEST: variable({
    default: '1s',
    parse: duration('0ms', '10m', '1s'),
    about: 'A request that takes at least this long is logged as a warning.',
  }),
  LOG_SLOW_QUERY: variable({
    default: '200ms',
    parse: duration('0ms', '10m', '200ms'),
    about: 'A query that takes at least this long is logged as a warning.',
  }),
};

export type VariableName = keyof typeof variables;
type ValueOf<V> = V extends Variable<infer T, infer D> ? (D extends null ? T | null : T) : never;

/** The parsed values of all variables. */
export type Values = { [K in VariableName]: ValueOf<(typeof variables)[K]> };

/** The rows of the table, in order. */
export function variableEntries(): [VariableName, Variable<unknown, Default>][] {
  return Object.entries(variables) as [VariableName, Variable<unknown, Default>][];
}

/** Names of the variables that may come from a file. */
export function namesWithFile(): VariableName[] {
  return variableEntries().flatMap(([name, { secret, long }]) => (secret || long ? [name] : []));
}

/** The default of a variable as written in the table, with `{NAME}` not replaced. */
export function defaultText(entry: Variable<unknown, Default>, production: boolean): string | null {
  if (entry.default === null || typeof entry.default === 'string') return entry.default;
  return production ? entry.default.production : entry.default.elsewhere;
}
