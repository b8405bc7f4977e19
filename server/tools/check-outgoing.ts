import { stripTypeScriptTypes } from 'node:module';
import { importsOf } from './check-imports.ts';

/**
 * The files of the server that may open connections or start programs, and their targets. The operator sets every target: one that a user
 * could choose would let strangers reach what only this machine can reach (server-side request forgery).
 */
export const OUTGOING: Record<string, string> = {
  'src/cli/doctor.ts': 'nowhere: tries to listen',
  'src/modules/imports/sources/document-rows.ts': 'nowhere by itself: reads a place in a collection from its text form',
  'src/platform/database/mongo.ts': 'DATABASE_URL',
  'src/platform/database/mongo-guard.ts': 'DATABASE_URL (classes that it watches)',
  'src/platform/database/mysql.ts': 'DATABASE_URL',
  'src/platform/database/pooled-postgres.ts': 'DATABASE_URL',
  'src/platform/database/postgres.ts': 'DATABASE_URL',
  'src/platform/database/postgres-listener.ts': 'DATABASE_URL',
  'src/platform/database/probe.ts': 'DATABASE_URL',
  'src/platform/database/tls.ts': 'nowhere: compares a certificate with a name',
  'src/platform/http/node-http.ts': 'nowhere: classes of the HTTP server',
  'src/platform/http/security-headers.ts': 'nowhere: the class of a socket',
  'src/platform/http/shutdown.ts': 'nowhere: the class of a server',
  'src/platform/mail/compose-mail.ts': 'nowhere: makes messages, and may read neither files nor URLs for them',
  'src/platform/mail/smtp-connection.ts': 'SMTP_URL',
  'src/platform/process/keep-workers.ts': 'nowhere: starts this program again',
  'src/platform/process/worker-side.ts': 'nowhere: exchanges messages with the primary',
  'src/platform/process/loop-watch-thread.ts': 'nowhere: looks at the stack of this process',
  'src/platform/objects/s3-client.ts': 'S3_ENDPOINT',
  'src/platform/queue/bullmq-queue.ts': 'REDIS_URL',
  'src/platform/queue/bullmq-workers.ts': 'REDIS_URL',
  'src/platform/queue/former-queues.ts': 'REDIS_URL',
  'src/platform/queue/read-job.ts': 'REDIS_URL',
  'src/platform/redis/breaker.ts': 'REDIS_URL (the class of its errors)',
  'src/platform/redis/connect.ts': 'REDIS_URL',
  'src/platform/websocket/upgrades.ts': 'nowhere: takes connections of clients',
  'src/modules/password-encryption/jwe.ts': 'nowhere: decrypts with a given key',
  'src/modules/guessing/prove-in-browser.ts': 'this server, from a browser',
  'src/modules/pages/form-script.ts': 'this server, from a browser',
  'src/modules/email-sign-in/page-script.ts': 'this server, from a browser',
};

/** Dependencies that can open connections, and those that cannot by themselves. Each is on one of the two lists. */
export const CONNECTING = ['aws4fetch', 'bullmq', 'ioredis', 'jose', 'mongodb', 'mysql2', 'nodemailer', 'pg', 'ws'];
export const LOCAL = [
  ...['@fastify/cookie', '@fastify/swagger', '@fastify/swagger-ui', '@ip-location-db/geo-whois-asn-country-mmdb'],
  ...['@node-rs/argon2', '@node-rs/bcrypt', '@zxcvbn-ts/language-common', 'ajv', 'ajv-formats', 'bowser', 'croner'],
  ...['fast-json-stringify', 'fastify', 'helmet', 'kysely', 'lru-cache', 'mmdb-lib', 'pino', 'pino-roll'],
  ...['rate-limiter-flexible', 'redoc', 'sharp', 'suncalc', 'typebox'],
];

const NODE_MODULES = /^(?:node:)?(?:net|tls|https?|http2|dgram|dns|dns\/promises|child_process|cluster|inspector)$/;
/** Exports of `node:net` that only parse addresses. */
const ADDRESS_NAMES = new Set(['BlockList', 'SocketAddress', 'isIP', 'isIPv4', 'isIPv6']);
const CALLS =
  /(?<![.\w]|async )fetch\s*\(|\bglobalThis\s*(?:\.\s*fetch|\[)|\bnew\s+(?:WebSocket|EventSource|XMLHttpRequest)\b|\bgetBuiltinModule\b|\bcreateRequire\b|\.\s*sendBeacon\b/;

/** By what each file of `files` could open connections; files that cannot are left out. Tests are not checked. */
export function findOutgoing(files: Map<string, string>): Map<string, string[]> {
  const product = [...files].filter(
    ([path]) => path.startsWith('src/') && !/\.(?:test|testing|contract|matrix)\.ts$/.test(path),
  );
  return new Map(
    product.map(([path, source]) => [path, waysOut(source)] as const).filter(([, ways]) => ways.length > 0),
  );
}

function waysOut(source: string): string[] {
  const packages = importsOf(source)
    .filter(({ loads, specifier }) => loads && canConnect(specifier, source))
    .map(({ specifier }) => specifier);
  const [call] = CALLS.exec(stripTypeScriptTypes(source)) ?? [];
  return [...packages, ...(call === undefined ? [] : [call])];
}

function canConnect(specifier: string, source: string): boolean {
  if (CONNECTING.some((name) => specifier === name || specifier.startsWith(`${name}/`))) return true;
  if (!NODE_MODULES.test(specifier)) return false;
  const named = new RegExp(`^import\\s*\\{([^}]*)\\}\\s*from\\s*['"]${RegExp.escape(specifier)}['"]`, 'm').exec(source);
  const names = named?.[1]?.split(',').map((name) => name.trim()) ?? [''];
  return !names.every((name) => name.startsWith('type ') || ADDRESS_NAMES.has(name));
}
