import { domainToASCII } from 'node:url';
import type { ConfigFault } from './config-error.ts';
import { hasGuessablePassword, isWithoutTls, kindOf } from './database-url.ts';
import { passkeyOrigins } from './passkey-origins.ts';
import { weakness } from './secret-strength.ts';
import type { StoreUrl } from './store-urls.ts';
import type { Values } from './variables.ts';

const KEY_FIX = 'Set it to the output of: openssl rand -base64 32';

/** Rules between variables, in every environment. Values with a fault of their own are left out. */
export function crossFaults(values: Partial<Values>, stores: readonly StoreUrl[] = []): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const { ACCESS_TOKEN_TTL: access, REFRESH_IDLE_TTL: idle, REFRESH_ABSOLUTE_TTL: absolute } = values;
  if (access !== undefined && idle !== undefined && access >= idle) {
    faults.push({
      name: 'ACCESS_TOKEN_TTL',
      problem: 'is not shorter than REFRESH_IDLE_TTL',
      fix: 'Shorten it, or lengthen REFRESH_IDLE_TTL: a session must outlive its access tokens.',
    });
  }
  if (idle !== undefined && absolute !== undefined && idle > absolute) {
    faults.push({
      name: 'REFRESH_IDLE_TTL',
      problem: 'is longer than REFRESH_ABSOLUTE_TTL',
      fix: 'Shorten it, or lengthen REFRESH_ABSOLUTE_TTL.',
    });
  }
  if (values.SECRET_KEY_PREVIOUS && values.SECRET_KEY_PREVIOUS === values.SECRET_KEY) {
    faults.push({
      name: 'SECRET_KEY_PREVIOUS',
      problem: 'is the same as SECRET_KEY',
      fix: 'Set it to the previous key, or remove it.',
    });
  }
  const { DATABASE_URL: database, DATABASE_REPLICA_URLS: replicas } = values;
  if (database !== undefined && replicas?.some((url) => kindOf(url) !== kindOf(database))) {
    faults.push({
      name: 'DATABASE_REPLICA_URLS',
      problem: 'names another kind of database than DATABASE_URL',
      fix: 'Name replicas of that database, or remove it.',
    });
  }
  if (values.DATABASE_POOLER === 'transaction' && database !== undefined && kindOf(database) !== 'postgres') {
    faults.push({
      name: 'DATABASE_POOLER',
      problem: 'is for PostgreSQL, which DATABASE_URL does not name',
      fix: 'Remove it.',
    });
  }
  const urls = [...(database ? [database] : []), ...(replicas ?? []), ...stores.map(({ url }) => url)];
  const ofServers = urls.filter((url) => !url.startsWith('sqlite:'));
  if (values.DATABASE_CA && urls.length > 0 && (ofServers.length === 0 || ofServers.some(isWithoutTls))) {
    faults.push({
      name: 'DATABASE_CA',
      problem: 'is set, but the URL of a database switches TLS off, or is a SQLite file',
      fix: 'Remove it, or remove sslmode=disable (or ssl=false) from the URL.',
    });
  }
  if (values.REDIS_CA && values.REDIS_URL !== undefined && !/^rediss/i.test(values.REDIS_URL ?? '')) {
    faults.push({
      name: 'REDIS_CA',
      problem: 'is set, but REDIS_URL has no TLS',
      fix: 'Begin REDIS_URL with rediss: instead of redis:, or remove REDIS_CA.',
    });
  }
  const dkim = { MAIL_DKIM_KEY: values.MAIL_DKIM_KEY, MAIL_DKIM_SELECTOR: values.MAIL_DKIM_SELECTOR };
  const halves = Object.entries(dkim).filter(([, value]) => value === null);
  if (halves.length === 1 && !Object.values(dkim).includes(undefined)) {
    const [[name] = ['MAIL_DKIM_KEY']] = halves;
    faults.push({
      name: name as 'MAIL_DKIM_KEY' | 'MAIL_DKIM_SELECTOR',
      problem: 'is missing, and the other one of the pair is set',
      fix: 'Set MAIL_DKIM_KEY and MAIL_DKIM_SELECTOR, or neither.',
    });
  }
  faults.push(...s3Faults(values));
  const { WORKERS: workers = 1 } = values;
  const isAlone = workers === 1 || (workers === 'auto' && values.DATABASE_URL?.startsWith('sqlite:'));
  for (const { variable: name, url } of isAlone ? [] : stores) {
    const fix = 'Set WORKERS to 1, or name a PostgreSQL, MySQL, MariaDB or MongoDB database.';
    if (url.startsWith('sqlite:')) faults.push({ name, problem: 'is SQLite, which serves one process', fix });
  }
  if (workers !== 'auto' && workers > 1 && values.DATABASE_URL?.startsWith('sqlite:')) {
    faults.push({
      name: 'WORKERS',
      problem: 'is more than 1 on SQLite, which serves one process',
      fix: 'Set it to 1, or set DATABASE_URL to a PostgreSQL, MySQL, MariaDB or MongoDB database.',
    });
  }
  // Each process would rotate the file by its own count, and remove files that another still writes.
  if (workers !== 1 && values.LOG_FILE) {
    faults.push({
      name: 'LOG_FILE',
      problem: 'is for one process, and WORKERS is more than 1',
      fix: 'Remove it and collect standard output (journald, a container engine, svlogd), or set WORKERS to 1.',
    });
  }
  if (values.MAIL_DKIM_DOMAIN && values.MAIL_DKIM_KEY === null) {
    faults.push({
      name: 'MAIL_DKIM_DOMAIN',
      problem: 'is set, but mails are not signed',
      fix: 'Set MAIL_DKIM_KEY and MAIL_DKIM_SELECTOR, or remove it.',
    });
  }
  return faults;
}

/** What a bucket needs, all of it or nothing. */
const S3_SETTINGS = ['S3_ENDPOINT', 'S3_BUCKET', 'S3_ACCESS_KEY', 'S3_SECRET_KEY'] as const;

function s3Faults(values: Partial<Values>): ConfigFault[] {
  const missing = S3_SETTINGS.filter((name) => values[name] === null);
  const isPart = missing.length > 0 && S3_SETTINGS.some((name) => values[name]);
  const faults: ConfigFault[] = (isPart ? missing : []).map((name) => ({
    name,
    problem: 'is missing, and another setting of the bucket is set',
    fix: `Set ${S3_SETTINGS.join(', ')}, or none of them.`,
  }));
  const name = values.S3_PUBLIC_ENDPOINT ? 'S3_PUBLIC_ENDPOINT' : 'S3_ENDPOINT';
  const origin = (url: string) => new URL(url).origin;
  const address = values[name];
  // What somebody uploads would run as a page of this server.
  if (address && values.PUBLIC_URL !== undefined && origin(address) === origin(values.PUBLIC_URL)) {
    const fix = 'Serve the files under a host name of their own.';
    faults.push({ name, problem: 'has the origin of PUBLIC_URL', fix });
  }
  return faults;
}

/** Additional rules of production. */
export function productionFaults(values: Partial<Values>): ConfigFault[] {
  const faults: ConfigFault[] = [];
  for (const name of ['SECRET_KEY', 'SECRET_KEY_PREVIOUS'] as const) {
    const problem = weakness(values[name] ?? '');
    if (values[name] && problem !== null) faults.push({ name, problem, fix: KEY_FIX });
  }
  if (values.DATABASE_URL !== undefined && hasGuessablePassword(values.DATABASE_URL)) {
    faults.push({
      name: 'DATABASE_URL',
      problem: 'has no password, or a well-known one, for a database on another host',
      fix: 'Give that database user its own password, and put it into the URL.',
    });
  }
  if (values.DATABASE_REPLICA_URLS?.some(hasGuessablePassword)) {
    faults.push({
      name: 'DATABASE_REPLICA_URLS',
      problem: 'has no password, or a well-known one, for a database on another host',
      fix: 'Give that database user its own password, and put it into the URL.',
    });
  }
  if (values.REDIS_URL && hasGuessablePassword(values.REDIS_URL)) {
    faults.push({
      name: 'REDIS_URL',
      problem: 'has no password, or a well-known one, for a Redis on another host',
      fix: 'Give Redis a password (requirepass, or a user of its own), and put it into the URL.',
    });
  }
  if (values.PUBLIC_URL !== undefined && !values.PUBLIC_URL.startsWith('https://')) {
    faults.push({
      name: 'PUBLIC_URL',
      problem: 'does not begin with https://',
      fix: 'Serve Ostiary behind TLS, and set the https:// address.',
    });
  }
  if (values.PAGES_URL?.startsWith('http://')) {
    faults.push({
      name: 'PAGES_URL',
      problem: 'does not begin with https://',
      fix: 'Serve your pages over TLS: mailed links carry secrets there.',
    });
  }
  const files = values.S3_PUBLIC_ENDPOINT ? 'S3_PUBLIC_ENDPOINT' : 'S3_ENDPOINT';
  const isBehind = /^http:\/\/(?:localhost|127\.|\[::1\])/.test(values[files] ?? '');
  if (values[files]?.startsWith('http://') && !isBehind) {
    faults.push({
      name: files,
      problem: 'does not begin with https://',
      fix: 'Serve the files over TLS, and set S3_PUBLIC_ENDPOINT to the https:// address: whoever sees a signed URL can use it.',
    });
  }
  if (values.CORS_ORIGINS?.includes('*')) {
    faults.push({
      name: 'CORS_ORIGINS',
      problem: 'admits every site (*), with cookies',
      fix: 'Set it to the origins of your own front ends.',
    });
  }
  return faults;
}

/** The domain of a sender, in ASCII. */
function mailDomain(sender: string): string {
  return domainToASCII(sender.slice(sender.lastIndexOf('@') + 1).replace(/>$/, ''));
}

/** The minimum work per guess of OWASP's password storage cheat sheet, as KiB times passes. */
const LEAST_ARGON2_WORK = 7 * 1024 * 5;

/** Warnings about settings that are allowed, but questionable. */
export function doubts(values: Values): string[] {
  const production = values.ENVIRONMENT === 'production';
  const { ARGON2_MEMORY: memory, ARGON2_PASSES: passes, LOG_LEVEL: level, TRUSTED_HOSTS: hosts } = values;
  const publicHost = new URL(values.PUBLIC_URL).hostname;
  const warnings: string[] = [];
  for (const name of ['SECRET_KEY', 'SECRET_KEY_PREVIOUS'] as const) {
    const problem = weakness(values[name] ?? '');
    if (values[name] && problem !== null && !production) warnings.push(`${name} ${problem}; production refuses it.`);
  }
  if (production && values.EMAIL_VERIFICATION === 'off') {
    warnings.push('EMAIL_VERIFICATION is off: anybody can register with the address of another person.');
  }
  if (production && (level === 'debug' || level === 'trace')) {
    warnings.push(`LOG_LEVEL is ${level}: the log grows fast, and contains more personal data than necessary.`);
  }
  if (production && !values.RATE_LIMITS)
    warnings.push('RATE_LIMITS is off: passwords and codes can be guessed without limit.');
  if (production && memory * passes < LEAST_ARGON2_WORK) {
    warnings.push('ARGON2_MEMORY and ARGON2_PASSES are below the recommendation of OWASP (such as 19mb and 2).');
  }
  if (values.PASSKEYS && passkeyOrigins(values).length === 0) {
    warnings.push(
      `PASSKEYS is on, and no address of this server belongs to ${values.PASSKEY_RP_ID}: set PASSKEY_RP_ID or PASSKEY_ORIGINS, or PASSKEYS=off.`,
    );
  }
  const from = mailDomain(values.MAIL_FROM);
  if (values.MAIL_DKIM_DOMAIN !== null && !`.${from}`.endsWith(`.${values.MAIL_DKIM_DOMAIN}`)) {
    warnings.push(
      'MAIL_DKIM_DOMAIN is neither the domain of MAIL_FROM nor a parent of it: DMARC does not accept the signature.',
    );
  }
  if (
    hosts !== null &&
    !hosts.some((host) => host === publicHost || (host.startsWith('*.') && publicHost.endsWith(host.slice(1))))
  ) {
    warnings.push('TRUSTED_HOSTS does not contain the host of PUBLIC_URL, which is therefore not served.');
  }
  return warnings;
}
