import type { ConfigFault } from './config-error.ts';
import type { Sources } from './read-sources.ts';
import { storeNameOf } from './store-urls.ts';
import { namesWithFile, type VariableName, variables } from './variables.ts';

const known = new Set<string>(Object.keys(variables));
const withFile = new Set(namesWithFile().map((name) => `${name}_FILE`));

/** Names of other programs for the same settings. */
const SYNONYMS: Record<VariableName, string> = {
  ENVIRONMENT: 'NODE_ENV APP_ENV',
  HOST: 'BIND BIND_ADDRESS LISTEN_HOST',
  PORT: 'HTTP_PORT LISTEN_PORT APP_PORT',
  PUBLIC_URL: 'BASE_URL APP_URL SITE_URL SERVER_URL EXTERNAL_URL ROOT_URL',
  PAGES_URL:
    'PAGE_URL FRONTEND_URL FRONT_END_URL CLIENT_URL WEB_URL RESET_PASSWORD_URL PASSWORD_RESET_URL INVITATION_URL',
  DATA_DIR: 'DATA_PATH DATA_DIRECTORY',
  OSTIARY_CONFIG: 'OSTIARY_CONFIG_FILE OSTIARY_MODULES',
  DATABASE_URL:
    'DB_URL DB_URI DATABASE DATABASE_URI DB_HOST DB_PORT DB_NAME DB_USER DB_PASSWORD DATABASE_HOST DATABASE_PASSWORD POSTGRES_URL POSTGRES_URI POSTGRES_HOST POSTGRES_PASSWORD MYSQL_URL MYSQL_HOST MYSQL_PASSWORD MONGO_URL MONGO_URI MONGODB_URL MONGODB_URI SQLALCHEMY_DATABASE_URI',
  DATABASE_CA:
    'DATABASE_CA_CERT DATABASE_SSL_CA DB_CA DB_SSL_CA DB_CA_CERT PGSSLROOTCERT POSTGRES_CA MYSQL_CA MYSQL_SSL_CA',
  DATABASE_POOLER: 'PGBOUNCER DB_POOLER DATABASE_POOL_MODE POOL_MODE DATABASE_PGBOUNCER',
  DATABASE_POOL_SIZE: 'DB_POOL_SIZE POOL_SIZE DATABASE_POOL_MAX',
  DATABASE_REPLICA_URLS:
    'DATABASE_REPLICA_URL REPLICA_URL REPLICA_URLS DB_REPLICA_URL READ_REPLICA_URL DATABASE_READ_URL',
  REDIS_URL: 'REDIS_URI REDIS_HOST REDIS_PORT REDIS_PASSWORD CELERY_BROKER_URL BROKER_URL CELERY_RESULT_BACKEND',
  REDIS_CA: 'REDIS_CA_CERT REDIS_TLS_CA REDIS_SSL_CA',
  S3_ENDPOINT: 'S3_URL S3_HOST S3_ENDPOINT_URL MINIO_ENDPOINT MINIO_URL MINIO_HOST OSS_ENDPOINT COS_ENDPOINT',
  S3_REGION: 'MINIO_REGION',
  S3_BUCKET: 'S3_BUCKET_NAME BUCKET_NAME MINIO_BUCKET MINIO_BUCKET_NAME',
  S3_ACCESS_KEY: 'S3_ACCESS_KEY_ID S3_KEY MINIO_ACCESS_KEY MINIO_ROOT_USER',
  S3_SECRET_KEY: 'S3_SECRET_ACCESS_KEY S3_SECRET MINIO_SECRET_KEY MINIO_ROOT_PASSWORD',
  S3_SESSION_TOKEN: 'S3_TOKEN S3_SECURITY_TOKEN',
  S3_PUBLIC_ENDPOINT: 'S3_PUBLIC_URL S3_EXTERNAL_ENDPOINT MINIO_PUBLIC_URL MINIO_SERVER_URL MINIO_EXTERNAL_ENDPOINT',
  S3_CHECKSUMS: 'S3_CHECKSUM S3_CHECKSUM_ALGORITHM S3_DISABLE_CHECKSUM',
  S3_ADDRESSING: 'S3_FORCE_PATH_STYLE S3_PATH_STYLE S3_USE_PATH_STYLE',
  ROLE: 'PROCESS_ROLE SERVER_ROLE',
  WORKERS: 'WEB_CONCURRENCY WORKER_COUNT NUM_WORKERS WORKER_PROCESSES',
  SHUTDOWN_DELAY: 'DRAIN_DELAY PRE_STOP_DELAY SHUTDOWN_WAIT',
  SECRET_KEY: 'JWT_SECRET JWT_SECRET_KEY SECRET APP_SECRET APP_KEY AUTH_SECRET SESSION_SECRET SECRET_KEY_BASE',
  SECRET_KEY_PREVIOUS: 'OLD_SECRET_KEY PREVIOUS_SECRET_KEY SECRET_KEY_OLD SECRET_KEY_FALLBACKS',
  EMAIL_VERIFICATION: 'VERIFY_EMAIL REQUIRE_EMAIL_VERIFICATION',
  EMAIL_SIGN_IN: 'MAGIC_LINK MAGIC_LINKS EMAIL_LOGIN EMAIL_OTP PASSWORDLESS',
  EMAIL_LINK_ELSEWHERE: 'MAGIC_LINK_SAME_BROWSER',
  REGISTRATION: 'SIGNUP ALLOW_REGISTRATION REGISTRATION_ENABLED',
  RESERVED_USERNAMES:
    'RESERVED_NAMES USERNAME_RESERVED USERNAMES_RESERVED USERNAME_BLOCKLIST USERNAME_BLACKLIST BLOCKED_USERNAMES FORBIDDEN_USERNAMES',
  SMTP_URL:
    'SMTP_HOST SMTP_SERVER SMTP_PORT SMTP_USER SMTP_USERNAME SMTP_PASS SMTP_PASSWORD MAIL_HOST MAIL_SERVER MAIL_URL MAIL_USERNAME MAIL_PASSWORD EMAIL_HOST EMAIL_URL',
  SMTP_CA: 'SMTP_CA_CERT SMTP_TLS_CA SMTP_SSL_CA MAIL_CA SMTP_CERTIFICATE',
  SMTP_EHLO_NAME: 'SMTP_HELO SMTP_EHLO SMTP_HELO_NAME SMTP_NAME MAIL_EHLO_NAME EHLO_NAME',
  MAIL_FROM: 'SMTP_FROM EMAIL_FROM FROM_EMAIL MAIL_SENDER DEFAULT_FROM_EMAIL',
  MAIL_DKIM_KEY: 'DKIM_PRIVATE_KEY DKIM_KEY MAIL_DKIM_PRIVATE_KEY',
  MAIL_DKIM_SELECTOR: 'DKIM_SELECTOR DKIM_KEY_SELECTOR',
  MAIL_DKIM_DOMAIN: 'DKIM_DOMAIN DKIM_DOMAIN_NAME',
  CORS_HEADERS: 'CORS_ALLOWED_HEADERS CORS_ALLOW_HEADERS ALLOWED_HEADERS CORS_HEADER',
  CORS_ORIGINS: 'ALLOWED_ORIGINS CORS_ALLOWED_ORIGINS CORS_ALLOW_ORIGINS BACKEND_CORS_ORIGINS',
  TRUSTED_HOSTS: 'ALLOWED_HOSTS',
  TRUSTED_PROXIES: 'TRUST_PROXY TRUSTED_PROXY TRUST_PROXIES FORWARDED_ALLOW_IPS PROXY_TRUSTED_IPS',
  PROXY_PATH: 'BASE_PATH ROOT_PATH PATH_PREFIX STRIP_PREFIX SERVE_FROM_SUB_PATH HTTP_RELATIVE_PATH',
  BODY_LIMIT: 'MAX_BODY_SIZE MAX_REQUEST_SIZE',
  REQUEST_TIMEOUT: 'HTTP_TIMEOUT',
  DOCS: 'ENABLE_DOCS OPENAPI SWAGGER',
  SIGNING_ALGORITHM: 'JWT_ALGORITHM JWT_ALG',
  KEY_ROTATION_DAYS: 'KEY_ROTATION KEY_ROTATION_INTERVAL JWT_KEY_ROTATION ROTATE_KEYS_DAYS',
  ACCESS_TOKEN_TTL: 'JWT_EXPIRES_IN JWT_EXPIRATION ACCESS_TTL ACCESS_TOKEN_EXPIRE_MINUTES',
  REFRESH_IDLE_TTL: 'REFRESH_TTL REFRESH_TOKEN_TTL REFRESH_TOKEN_EXPIRE_DAYS',
  REFRESH_ABSOLUTE_TTL: 'SESSION_TTL SESSION_LIFETIME',
  REFRESH_BINDING: 'REFRESH_TOKEN_BINDING SESSION_BINDING BIND_REFRESH',
  SESSION_LIMIT: 'MAX_SESSIONS',
  API_KEYS: 'PERSONAL_ACCESS_TOKENS SERVICE_ACCOUNTS ENABLE_API_KEYS',
  API_KEY_MAX_TTL: 'API_KEY_TTL API_KEY_LIFETIME API_KEY_EXPIRY',
  PASSWORD_MIN_LENGTH: 'MIN_PASSWORD_LENGTH',
  PASSWORD_BREACH_FILE:
    'PWNED_PASSWORDS_FILE HIBP_FILE BREACHED_PASSWORDS_FILE PASSWORD_BLOCKLIST PASSWORD_BLACKLIST PASSWORD_BREACH_DIR',
  ARGON2_MEMORY: 'ARGON2_MEMORY_COST',
  ARGON2_PASSES: 'ARGON2_TIME_COST ARGON2_ITERATIONS',
  PASSKEYS: 'WEBAUTHN ENABLE_PASSKEYS PASSKEYS_ENABLED WEBAUTHN_ENABLED',
  PASSKEY_RP_ID: 'RP_ID WEBAUTHN_RP_ID PASSKEYS_RP_ID RELYING_PARTY_ID',
  PASSKEY_ORIGINS: 'RP_ORIGIN RP_ORIGINS WEBAUTHN_ORIGIN WEBAUTHN_ORIGINS WEBAUTHN_RP_ORIGINS PASSKEY_ORIGIN',
  PROOF_OF_WORK: 'POW CAPTCHA ALTCHA',
  RATE_LIMITS: 'RATE_LIMIT_ENABLED RATE_LIMITING',
  RATE_LIMIT_DEFAULT: 'DEFAULT_RATE_LIMIT RATE_LIMIT_PER_MINUTE',
  EMAIL_MOVE_DELAY: 'EMAIL_CHANGE_DELAY ADDRESS_CHANGE_DELAY',
  MFA_REQUIRED: 'MFA REQUIRE_MFA MFA_MODE TWO_FACTOR TWO_FACTOR_REQUIRED REQUIRE_2FA',
  MFA_GRACE: 'MFA_GRACE_PERIOD MFA_ENROLLMENT_GRACE',
  MFA_TRUST_TTL: 'TRUSTED_DEVICE_TTL MFA_REMEMBER_DEVICE REMEMBER_DEVICE_DAYS',
  MFA_RESET_DELAY: 'FACTOR_RESET_DELAY',
  MFA_SELF_RECOVERY: 'MFA_RECOVERY',
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

/** Faults of variables that can only be meant for one of ours which is not set, and sentences about the other ones that are not used. */
export interface Hints {
  faults: ConfigFault[];
  warnings: string[];
  /** Those of `warnings` that name a variable of ours which may be meant. */
  meant: string[];
}

/**
 * Looks at every variable that is set and not used: misspelt, named as in other programs, or unknown in `.env`. A setting that
 * was meant must not be passed over: a server would use its default, such as the open mailbox of development. `.env` is this server's own;
 * the environment is shared, so that there only clear cases are faults. An empty value of ours says that the default is meant.
 */
export function hints(sources: Sources): Hints {
  const { texts, fileNames } = sources;
  const inFile = new Set(fileNames);
  const names = [...new Set([...texts.keys(), ...fileNames])].filter((name) => !isOurs(name));
  const found = names.flatMap((name) => hint(name, inFile.has(name), sources) ?? []);
  const sentences = (some: Hint[]) => some.map(({ name, problem, fix }) => `${name} ${problem}. ${fix}`.trim());
  const passed = found.filter(({ isFault }) => !isFault);
  return {
    faults: found.filter(({ isFault }) => isFault).map(({ name, problem, fix }) => ({ name, problem, fix })),
    warnings: sentences(passed),
    meant: sentences(passed.filter(({ fix }) => fix !== '')),
  };
}

/** One of the table, or the database of a store, or the file of either. */
function isOurs(name: string): boolean {
  return known.has(name) || withFile.has(name) || storeNameOf(name.replace(/_FILE$/, '')) !== null;
}

type Hint = ConfigFault & { isFault: boolean };

function hint(name: string, inFile: boolean, sources: Sources): Hint | null {
  if (!inFile && USUAL.has(name)) return null;
  const isOpen = (ours: string) => !isGiven(ours, sources);
  const target = name.replace(/_FILE$/, '');
  if (target !== name && known.has(target)) {
    const problem = 'is not used: only secrets and certificates may come from a file';
    return { name, problem, fix: `Set ${target}.`, isFault: !sources.given.has(target) };
  }
  const unknown = (meant: string, isFault: boolean): Hint => ({
    name,
    problem: 'is not a variable of Ostiary',
    fix: `Did you mean ${meant}?${isFault ? ` If not, remove it, or set ${meant}, which may be empty.` : ''}`,
    isFault,
  });
  const near = nearest(name, inFile);
  if (near !== null) return unknown(near.name, (inFile || near.isClear) && isOpen(near.name));
  const meant = synonyms.get(name.toUpperCase());
  // Another program's name is no mistake if ours is set, too.
  if (meant !== undefined && (inFile || !sources.texts.has(meant)) && !harmless(name, sources.texts)) {
    return unknown(meant, (inFile || decides(meant, sources.texts.get(name) ?? '')) && isOpen(meant));
  }
  return inFile ? { name: `${name} in .env`, problem: 'is not a variable of Ostiary', fix: '', isFault: false } : null;
}

/** Whether a variable is set, by its value, a file, or an empty value. */
function isGiven(name: string, { given }: Sources): boolean {
  const target = name.replace(/_FILE$/, '');
  return [name, target, `${target}_FILE`].some((one) => given.has(one));
}

/** NODE_ENV=development and similar values: the default of ENVIRONMENT. */
function harmless(name: string, texts: Map<string, string>): boolean {
  return synonyms.get(name.toUpperCase()) === 'ENVIRONMENT' && !/^prod/i.test(texts.get(name) ?? '');
}

/** Whether a server that passes this over is another one than meant: one of development, or one with another database. */
function decides(meant: string, text: string): boolean {
  return (
    meant === 'ENVIRONMENT' ||
    (meant === 'DATABASE_URL' && /^(?:postgres|mysql|mariadb|mongodb)[a-z+]*:\/\//i.test(text))
  );
}

/** The most similar name of ours; it is clear what was meant if it differs in one letter out of eight, or in case or underscores only. */
function nearest(name: string, inFile: boolean): { name: string; isClear: boolean } | null {
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
  if (best === null) return null;
  return { name: best, isClear: best.length >= SHORT_NAME && least <= Math.floor(best.length / 8) };
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
