import { isIP, isIPv4 } from 'node:net';
import { availableParallelism } from 'node:os';
import { dirname, relative } from 'node:path';
import { DAY } from '../clock.ts';
import { crossFaults, doubts, productionFaults } from './checks.ts';
import type { Config } from './config.ts';
import { ConfigError, type ConfigFault, InvalidValue } from './config-error.ts';
import { databaseUrl, encodePath, sqliteFile } from './database-url.ts';
import { refuseLeftovers } from './leftovers.ts';
import { hints } from './misspellings.ts';
import { passkeyOrigins } from './passkey-origins.ts';
import { type Environment, readSources, type Sources } from './read-sources.ts';
import { keptSecretKey, makeDataDir, SECRET_FILE } from './secret-file.ts';
import { type StoreUrl, storeNameOf, storeUrlFaults } from './store-urls.ts';
import { defaultText, type Values, type VariableName, variableEntries } from './variables.ts';

export interface Loaded {
  config: Config;
  /** Sentences for the log. */
  warnings: string[];
  /** Those of `warnings` about settings that may be meant, and are not read. */
  unread: string[];
}

/**
 * Loads the configuration from `env`, from `.env` in `cwd`, and from the files that `NAME_FILE` names for secrets:
 * `const { config, warnings } = loadConfig({ env: process.env, cwd: process.cwd() })`. Relative paths start at `cwd`.
 * Creates `DATA_DIR` if the SQLite file or the generated secret belongs there, and generates a missing secret outside
 * production; writes nothing if there is a fault. Throws `ConfigError` with all faults. Warnings are sentences for the
 * log. Neither contains the value of a secret.
 */
export function loadConfig({ env, cwd }: { env: Environment; cwd: string }): Loaded {
  const sources = readSources(env, cwd);
  const { values: parsed, faults } = parseAll(sources, cwd);
  const stores = parseStoreUrls(sources, cwd);
  const unused = hints(sources);
  faults.unshift(...sources.faults);
  faults.push(...stores.faults, ...unused.faults, ...crossFaults(parsed, stores.urls));
  faults.push(...storeUrlFaults(stores.urls, parsed.DATABASE_URL, parsed.ENVIRONMENT === 'production'));
  if (parsed.ENVIRONMENT === 'production') faults.push(...productionFaults(parsed));
  if (faults.length > 0) throw new ConfigError(faults, [...sources.warnings, ...unused.warnings]);

  // Every variable has a value by now, or there would be a fault.
  const values = parsed as Values;
  const secret = prepareDataDir(values);
  const config = assemble(values, stores.urls, secret.key);
  const warnings = [...sources.warnings, ...unused.warnings, ...doubts(values)];
  if (secret.exposed) warnings.push(`${SECRET_FILE} in DATA_DIR can be read by other users; set its mode to 0600.`);
  return { config, warnings, unread: unused.meant };
}

function parseAll({ texts, unreadable }: Sources, cwd: string): { values: Partial<Values>; faults: ConfigFault[] } {
  const faults: ConfigFault[] = [];
  const values: Partial<Record<VariableName, unknown>> = {};
  // The values come from the parsers of the same table, so that their types are those of `Values`.
  const soFar = values as Partial<Values>;
  for (const [name, entry] of variableEntries()) {
    if (unreadable.has(name)) continue;
    const production = soFar.ENVIRONMENT === 'production';
    const given = texts.get(name);
    if (given === undefined && production && entry.neededInProduction !== undefined) {
      faults.push({ name, problem: 'is missing, and production requires it', fix: entry.neededInProduction });
      continue;
    }
    const template = defaultText(entry, production);
    if (given === undefined && template === null) {
      values[name] = null;
      continue;
    }
    const text = given ?? fill(template ?? '', soFar);
    if (text === null) continue;
    try {
      if (given !== undefined) refuseLeftovers(name, given);
      values[name] = entry.parse(text, cwd);
    } catch (error) {
      faults.push(faultOf(name, error));
    }
  }
  return { values: soFar, faults };
}

/** The databases of single stores, in the order of their names. */
function parseStoreUrls({ texts }: Sources, cwd: string): { urls: StoreUrl[]; faults: ConfigFault[] } {
  const urls: StoreUrl[] = [];
  const faults: ConfigFault[] = [];
  for (const [variable, text] of [...texts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = storeNameOf(variable);
    if (name === null) continue;
    try {
      refuseLeftovers(variable, text);
      urls.push({ variable, name, url: databaseUrl(text, cwd) });
    } catch (error) {
      faults.push(faultOf(variable, error));
    }
  }
  return { urls, faults };
}

/** A default with `{NAME}` replaced; null if that variable has a fault, which is already reported. */
function fill(template: string, values: Partial<Values>): string | null {
  const fillings: Record<string, string | undefined> = {
    PORT: values.PORT?.toString(),
    // Only used in a URL.
    DATA_DIR: values.DATA_DIR === undefined ? undefined : encodePath(values.DATA_DIR),
    'host of PUBLIC_URL': values.PUBLIC_URL === undefined ? undefined : mailDomain(values.PUBLIC_URL),
  };
  const parts = template.split(/\{([^}]+)\}/).map((part, index) => (index % 2 === 0 ? part : fillings[part]));
  return parts.includes(undefined) ? null : parts.join('');
}

/** An IP address needs brackets in a mail address (RFC 5321, 4.1.3), which some servers refuse: a name replaces it. */
function mailDomain(publicUrl: string): string {
  const { hostname } = new URL(publicUrl);
  return isIP(hostname) !== 0 || hostname.startsWith('[') ? 'localhost' : hostname;
}

function faultOf(name: string, error: unknown): ConfigFault {
  if (!(error instanceof InvalidValue)) throw error;
  return { name, problem: error.problem, fix: error.fix };
}

/** Creates the directory if needed; returns the given secret, or else the stored one. */
function prepareDataDir(values: Values): { key: string; exposed: boolean } {
  const database = sqliteFile(values.DATABASE_URL);
  const holdsDatabase = database !== null && !relative(values.DATA_DIR, dirname(database)).startsWith('..');
  const given = values.SECRET_KEY === null ? null : { key: values.SECRET_KEY, exposed: false };
  if (given !== null && !holdsDatabase) return given;
  let step: VariableName = 'DATA_DIR';
  try {
    makeDataDir(values.DATA_DIR);
    step = 'SECRET_KEY';
    return given ?? keptSecretKey(values.DATA_DIR);
  } catch (error) {
    throw new ConfigError([faultOf(step, error)]);
  }
}

function dkimOf(values: Values): Config['mail']['dkim'] {
  const { MAIL_DKIM_KEY: privateKey, MAIL_DKIM_SELECTOR: selector, MAIL_DKIM_DOMAIN: domain } = values;
  return privateKey === null || selector === null ? null : { privateKey, selector, domain };
}

/** A cross check has found all of them, or none. */
function s3Of(values: Values): Config['s3'] {
  const { S3_ENDPOINT: endpoint, S3_BUCKET: bucket, S3_ACCESS_KEY: accessKey, S3_SECRET_KEY: secretKey } = values;
  if (endpoint === null || bucket === null || accessKey === null || secretKey === null) return null;
  const {
    S3_REGION: region,
    S3_SESSION_TOKEN: sessionToken,
    S3_ADDRESSING: addressing,
    S3_CHECKSUMS: checksums,
  } = values;
  const publicEndpoint = values.S3_PUBLIC_ENDPOINT ?? endpoint;
  return { endpoint, publicEndpoint, region, bucket, accessKey, secretKey, sessionToken, addressing, checksums };
}

/** SQLite has one writer: it serves one process. */
function countWorkers({ WORKERS: workers, DATABASE_URL: url }: Values): number {
  if (workers !== 'auto') return workers;
  return url.startsWith('sqlite:') ? 1 : availableParallelism();
}

function assemble(values: Values, storeUrls: StoreUrl[], secretKey: string): Config {
  return {
    environment: values.ENVIRONMENT,
    host: values.HOST,
    port: values.PORT,
    publicUrl: values.PUBLIC_URL,
    pagesUrl: values.PAGES_URL ?? values.PUBLIC_URL,
    dataDir: values.DATA_DIR,
    configFile: values.OSTIARY_CONFIG,
    database: {
      url: values.DATABASE_URL,
      ca: values.DATABASE_CA,
      pooler: values.DATABASE_POOLER,
      poolSize: values.DATABASE_POOL_SIZE,
      replicaUrls: values.DATABASE_REPLICA_URLS ?? [],
      storeUrls,
    },
    s3: s3Of(values),
    redisUrl: values.REDIS_URL,
    redisCa: values.REDIS_CA,
    role: values.ROLE,
    workers: countWorkers(values),
    shutdownDelay: values.SHUTDOWN_DELAY,
    secretKeys: { current: secretKey, previous: values.SECRET_KEY_PREVIOUS },
    emailVerification: values.EMAIL_VERIFICATION,
    registration: values.REGISTRATION,
    emailSignIn: { mode: values.EMAIL_SIGN_IN, elsewhere: values.EMAIL_LINK_ELSEWHERE },
    reservedUsernames: values.RESERVED_USERNAMES ?? [],
    mail: {
      smtpUrl: values.SMTP_URL,
      smtpCa: values.SMTP_CA,
      ehloName: values.SMTP_EHLO_NAME ?? ehloNameOf(values.PUBLIC_URL),
      from: values.MAIL_FROM,
      dkim: dkimOf(values),
    },
    http: {
      corsOrigins: values.CORS_ORIGINS ?? [],
      corsHeaders: values.CORS_HEADERS ?? [],
      trustedHosts: values.TRUSTED_HOSTS ?? [],
      trustedProxies: values.TRUSTED_PROXIES ?? [],
      proxyPath: values.PROXY_PATH,
      bodyLimit: values.BODY_LIMIT,
      requestTimeout: values.REQUEST_TIMEOUT,
      docs: values.DOCS,
    },
    tokens: {
      algorithm: values.SIGNING_ALGORITHM,
      accessTtl: values.ACCESS_TOKEN_TTL,
      refreshIdleTtl: values.REFRESH_IDLE_TTL,
      refreshAbsoluteTtl: values.REFRESH_ABSOLUTE_TTL,
      refreshBinding: values.REFRESH_BINDING,
      sessionLimit: values.SESSION_LIMIT,
    },
    passwords: {
      minLength: values.PASSWORD_MIN_LENGTH,
      breachPath: values.PASSWORD_BREACH_FILE,
      argon2Memory: values.ARGON2_MEMORY,
      argon2Passes: values.ARGON2_PASSES,
    },
    passkeys: values.PASSKEYS ? { rpId: values.PASSKEY_RP_ID, origins: passkeyOrigins(values) } : null,
    keyRotation: values.KEY_ROTATION_DAYS * DAY,
    eventRetention: values.EVENT_RETENTION,
    apiKeys: { enabled: values.API_KEYS, maxTtl: values.API_KEY_MAX_TTL },
    emailMoveDelay: values.EMAIL_MOVE_DELAY,
    mfa: {
      required: values.MFA_REQUIRED,
      grace: values.MFA_GRACE,
      trustTtl: values.MFA_TRUST_TTL,
      resetDelay: values.MFA_RESET_DELAY,
      selfRecovery: values.MFA_SELF_RECOVERY,
    },
    proofOfWork: values.PROOF_OF_WORK,
    rateLimits: { enabled: values.RATE_LIMITS, default: values.RATE_LIMIT_DEFAULT },
    log: {
      level: values.LOG_LEVEL,
      format: values.LOG_FORMAT,
      file: values.LOG_FILE,
      slowRequest: values.LOG_SLOW_REQUEST,
      slowQuery: values.LOG_SLOW_QUERY,
    },
  };
}

/** The host of a URL as a name for EHLO: an address becomes a literal (RFC 5321, 4.1.3). */
function ehloNameOf(url: string): string {
  const { hostname } = new URL(url);
  if (hostname.startsWith('[')) return hostname.replace('[', '[IPv6:');
  return isIPv4(hostname) ? `[${hostname}]` : hostname;
}
