import type { Sources } from './read-sources.ts';
import { LATER_VARIABLES, namesWithFile, type VariableName, variables } from './variables.ts';

const known = new Set([...Object.keys(variables), ...LATER_VARIABLES]);
const withFile = new Set([...namesWithFile(), ...LATER_VARIABLES].map((name) => `${name}_FILE`));

/** Names of other programs for the same settings. */
const SYNONYMS: Record<VariableName, string> = {
  ENVIRONMENT: 'NODE_ENV APP_ENV',
  HOST: 'BIND BIND_ADDRESS LISTEN_HOST',
  PORT: 'HTTP_PORT LISTEN_PORT APP_PORT',
  PUBLIC_URL: 'BASE_URL APP_URL SITE_URL SERVER_URL EXTERNAL_URL ROOT_URL',
  PAGES_URL:
    'PAGE_URL FRONTEND_URL FRONT_END_URL CLIENT_URL WEB_URL RESET_PASSWORD_URL PASSWORD_RESET_URL INVITATION_URL',
  DATA_DIR: 'DATA_PATH DATA_DIRECTORY',
  DATABASE_URL:
    'DB_URL DB_URI DATABASE DATABASE_URI DB_HOST DB_PORT DB_NAME DB_USER DB_PASSWORD DATABASE_HOST DATABASE_PASSWORD POSTGRES_URL POSTGRES_URI POSTGRES_HOST POSTGRES_PASSWORD MYSQL_URL MYSQL_HOST MYSQL_PASSWORD MONGO_URL MONGO_URI MONGODB_URL MONGODB_URI SQLALCHEMY_DATABASE_URI',
  DATABASE_POOL_SIZE: 'DB_POOL_SIZE POOL_SIZE DATABASE_POOL_MAX',
  DATABASE_REPLICA_URLS:
    'DATABASE_REPLICA_URL REPLICA_URL REPLICA_URLS DB_REPLICA_URL READ_REPLICA_URL DATABASE_READ_URL',
  REDIS_URL: 'REDIS_URI REDIS_HOST REDIS_PORT REDIS_PASSWORD CELERY_BROKER_URL BROKER_URL CELERY_RESULT_BACKEND',
  ROLE: 'PROCESS_ROLE SERVER_ROLE',
  WORKERS: 'WEB_CONCURRENCY WORKER_COUNT NUM_WORKERS WORKER_PROCESSES',
  SHUTDOWN_DELAY: 'DRAIN_DELAY PRE_STOP_DELAY SHUTDOWN_WAIT',
  SECRET_KEY: 'JWT_SECRET JWT_SECRET_KEY SECRET APP_SECRET APP_KEY AUTH_SECRET SESSION_SECRET SECRET_KEY_BASE',
  SECRET_KEY_PREVIOUS: 'OLD_SECRET_KEY PREVIOUS_SECRET_KEY SECRET_KEY_OLD SECRET_KEY_FALLBACKS',
  EMAIL_VERIFICATION: 'VERIFY_EMAIL REQUIRE_EMAIL_VERIFICATION',
  REGISTRATION: 'SIGNUP ALLOW_REGISTRATION REGISTRATION_ENABLED',
  RESERVED_USERNAMES:
    'RESERVED_NAMES USERNAME_RESERVED USERNAMES_RESERVED USERNAME_BLOCKLIST USERNAME_BLACKLIST BLOCKED_USERNAMES FORBIDDEN_USERNAMES',
  SMTP_URL:
    'SMTP_HOST SMTP_SERVER SMTP_PORT SMTP_USER SMTP_USERNAME SMTP_PASS SMTP_PASSWORD MAIL_HOST MAIL_SERVER MAIL_URL MAIL_USERNAME MAIL_PASSWORD EMAIL_HOST EMAIL_URL',
  SMTP_CA: 'SMTP_CA_CERT SMTP_TLS_CA SMTP_SSL_CA MAIL_CA SMTP_CERTIFICATE',
  MAIL_FROM: 'SMTP_FROM EMAIL_FROM FROM_EMAIL MAIL_SENDER DEFAULT_FROM_EMAIL',
  MAIL_DKIM_KEY: 'DKIM_PRIVATE_KEY DKIM_KEY MAIL_DKIM_PRIVATE_KEY',
  MAIL_DKIM_SELECTOR: 'DKIM_SELECTOR DKIM_KEY_SELECTOR',
  MAIL_DKIM_DOMAIN: 'DKIM_DOMAIN DKIM_DOMAIN_NAME',
  CORS_ORIGINS: 'ALLOWED_ORIGINS CORS_ALLOWED_ORIGINS CORS_ALLOW_ORIGINS BACKEND_CORS_ORIGINS',
  TRUSTED_HOSTS: 'ALLOWED_HOSTS',
  TRUSTED_PROXIES: 'TRUST_PROXY TRUSTED_PROXY TRUST_PROXIES FORWARDED_ALLOW_IPS PROXY_TRUSTED_IPS',
  BODY_LIMIT: 'MAX_BODY_SIZE MAX_REQUEST_SIZE',
  REQUEST_TIMEOUT: 'HTTP_TIMEOUT',
  DOCS: 'ENABLE_DOCS OPENAPI SWAGGER',
  SIGNING_ALGORITHM: 'JWT_ALGORITHM JWT_ALG',
  KEY_ROTATION_DAYS: 'KEY_ROTATION KEY_ROTATION_INTERVAL JWT_KEY_ROTATION ROTATE_KEYS_DAYS',
  ACCESS_TOKEN_TTL: 'JWT_EXPIRES_IN JWT_EXPIRATION ACCESS_TTL ACCESS_TOKEN_EXPIRE_MINUTES',
  REFRESH_IDLE_TTL: 'REFRESH_TTL REFRESH_TOKEN_TTL REFRESH_TOKEN_EXPIRE_DAYS',
  REFRESH_ABSOLUTE_TTL: 'SESSION_TTL SESSION_LIFETIME',
  SESSION_LIMIT: 'MAX_SESSIONS',
  PASSWORD_MIN_LENGTH: 'MIN_PASSWORD_LENGTH',
  PASSWORD_BREACH_FILE:
    'PWNED_PASSWORDS_FILE HIBP_FILE BREACHED_PASSWORDS_FILE PASSWORD_BLOCKLIST PASSWORD_BLACKLIST PASSWORD_BREACH_DIR',
  ARGON2_MEMORY: 'ARGON2_MEMORY_COST',
  ARGON2_PASSES: 'ARGON2_TIME_COST ARGON2_ITERATIONS',
  PROOF_OF_WORK: 'POW CAPTCHA ALTCHA',
  RATE_LIMITS: 'RATE_LIMIT_ENABLED RATE_LIMITING',
  RATE_LIMIT_DEFAULT: 'DEFAULT_RATE_LIMIT RATE_LIMIT_PER_MINUTE',
  EVENT_RETENTION: 'AUDIT_RETENTION AUDIT_LOG_RETENTION LOG_RETENTION',
  LOG_LEVEL: 'LOGGING_LEVEL',
  LOG_FORMAT: 'LOG_STYLE',
  LOG_FILE: 'LOG_PATH',
  LOG_SLOW_REQUEST: 'SLOW_REQUEST',
  LOG_SLOW_QUERY: 'SLOW_QUERY',
};
const synonyms = new Map(
  Object.entries(SYNONYMS).flatMap(([name, others]) => others.split(' ').map((other) => [other, name] as const)),
);

/** More edits than this are a different name. */
const MOST_EDITS = 2;
/** Below this length two edits turn one common word into another (HOST, HOME; PORT, PATH). */
const SHORT_NAME = 6;
/** Common in environments, and similar to one of ours by chance. Kubernetes sets OSTIARY_PORT for a service `ostiary`. */
const USUAL = new Set('HOME HOSTNAME PATH PWD OLDPWD SHELL USER LOGNAME TERM LANG OSTIARY_PORT'.split(' '));

/** One sentence for every variable that is set and not used: reserved for later, misspelt, or unknown in `.env`. */
export function hints({ texts, fileNames }: Sources): string[] {
  const inFile = new Set(fileNames);
  const later = LATER_VARIABLES.flatMap((name) => [name, `${name}_FILE`]).filter((name) => texts.has(name));
  const names = [...new Set([...texts.keys(), ...fileNames])].filter((name) => !known.has(name) && !withFile.has(name));
  return [
    ...later.map((name) => `${name} is not used by this version.`),
    ...names.flatMap((name) => hint(name, inFile.has(name), texts) ?? []),
  ];
}

function hint(name: string, inFile: boolean, texts: Map<string, string>): string | null {
  if (!inFile && USUAL.has(name)) return null;
  // A line of an unquoted key looks like a name; it must not reach a log.
  if (inFile && !/^(?:[A-Z][A-Z0-9_]{0,39}|[a-z][a-z0-9_]{0,39})$/.test(name)) {
    return 'A line of .env is not NAME=value; quote values that have several lines.';
  }
  const target = name.replace(/_FILE$/, '');
  if (target !== name && known.has(target))
    return `${name} is not used: only secrets and certificates may come from a file. Set ${target}.`;
  const near = nearest(name, inFile);
  if (near !== null) return `${name} is not a variable of Ostiary. Did you mean ${near}?`;
  const meant = synonyms.get(name.toUpperCase());
  // Another program's name is no mistake if ours is set, too.
  if (meant !== undefined && (inFile || !texts.has(meant)) && !harmless(name, texts)) {
    return `${name} is not a variable of Ostiary. Did you mean ${meant}?`;
  }
  return inFile ? `${name} in .env is not a variable of Ostiary.` : null;
}

/** NODE_ENV=development and similar values: the default of ENVIRONMENT. */
function harmless(name: string, texts: Map<string, string>): boolean {
  return synonyms.get(name) === 'ENVIRONMENT' && texts.get(name) !== 'production';
}

function nearest(name: string, inFile: boolean): string | null {
  const plain = letters(name).replace(/^OSTIARY/, '');
  let best: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of [...known, ...withFile]) {
    const allowed = inFile || candidate.length >= SHORT_NAME ? MOST_EDITS : 1;
    const apart = plain === letters(candidate) ? 0 : distance(name.toUpperCase(), candidate);
    if (apart <= allowed && apart < least) {
      best = candidate;
      least = apart;
    }
  }
  return best;
}

const letters = (name: string) => name.toUpperCase().replaceAll('_', '');

/** Number of edits between two words; a swap of two neighbours counts once (optimal string alignment). */
function distance(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > MOST_EDITS) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current[column] = Math.min(
        at(above, column) + 1,
        at(current, column - 1) + 1,
        at(above, column - 1) + (same ? 0 : 1),
        swapped ? at(before, column - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = above;
    above = current;
  }
  return at(above, to.length);
}

const at = (row: number[], column: number) => row[column] ?? Number.POSITIVE_INFINITY;
