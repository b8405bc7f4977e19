import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { migrationsWith } from './added-modules.ts';
import { type App, createApp } from './app.ts';
import type { Module } from './module.ts';
import { installationId } from './modules/installation/index.ts';
import type { ReplicaSource } from './modules/replicas/replicas.ts';
import { openStorage } from './open-storage.ts';
import { type Clock, steadyClock, systemClock } from './platform/clock.ts';
import type { Config } from './platform/config/config.ts';
import { clockSkew, connectDatabase, type Database } from './platform/database/database.ts';
import { createMigrator, type Migrator } from './platform/database/migrations.ts';
import { databaseTarget } from './platform/database/url.ts';
import type { CredentialKind } from './platform/http/credential-kind.ts';
import type { Mailer } from './platform/mail/mail.ts';
import { createMailbox, type Mailbox } from './platform/mail/mailbox.ts';
import type { RedisConnections } from './platform/redis/connect.ts';
import { createOutageLog } from './platform/telemetry/outage-log.ts';
import { openStoreDatabases } from './store-databases.ts';

/** The version of this server, from its package. */
export const VERSION: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;

/** Milliseconds; a larger difference between this clock and the database's is reported. */
const NOTABLE_SKEW = 2_000;
/** Milliseconds; a longer absence of Redis, or of prompt answers, is reported. */
const NOTABLE_ABSENCE = 1_000;
const NOTABLE_LATENESS = 2_000;

/** Opens the configured database, or that of a store. Throws `DatabaseUnreachable`. */
export function openDatabase(
  { database, log: { slowQuery } }: Config,
  log: Logger,
  { url = database.url, patience }: { url?: string; patience?: number | undefined } = {},
): Promise<Database> {
  const { poolSize } = database;
  // A pooler of PostgreSQL is in front of the main database; of others it is found out.
  const pooler = url === database.url ? database.pooler : 'auto';
  const ca = url.startsWith('sqlite:') ? null : database.ca;
  return connectDatabase({ url, ca, pooler, poolSize, slowQuery, log, ...(patience && { patience }) });
}

/** The replicas of that database, not opened yet: the server starts without them. */
export function replicaSources({ database, log: { slowQuery } }: Config, log: Logger): ReplicaSource[] {
  const { ca, pooler, poolSize, replicaUrls } = database;
  return replicaUrls.map((url) => {
    const target = databaseTarget(url);
    return {
      name: target.product === 'SQLite' ? 'SQLite' : target.host,
      open: () => connectDatabase({ url, ca, pooler, poolSize, slowQuery, log, replica: true }),
    };
  });
}

/** The migrations of all modules, and of those that are added, for this database. Throws `ModuleError`. */
export async function migratorFor(database: Database, modules: readonly Module[] = []): Promise<Migrator> {
  return createMigrator(database, await migrationsWith(modules));
}

/** Migrates the database and composes the server on it: `const { app, close } = await openApp({ config, database, log })`. The caller closes both. */
export async function openApp(deps: {
  config: Config;
  database: Database;
  log: Logger;
  clock?: Clock;
  /** By how much the databases of single stores may be slower than in production. */
  patience?: number;
  /** Milliseconds that a request may wait for its password to be decrypted, and to be hashed. */
  longestWait?: number;
  /** Milliseconds without news from the database after which what is remembered counts as out of date. */
  blindAfter?: number;
  /** Kinds of credentials besides sessions. */
  credentials?: readonly CredentialKind[];
  /** Modules that are kept outside of this repository. */
  modules?: readonly Module[];
  /** False while the event loop stood still lately. */
  isLoopWell?: () => boolean;
}): Promise<{ app: App; close(grace?: number): Promise<void> }> {
  const { config, database, log, clock = systemClock, patience, longestWait, blindAfter } = deps;
  const { credentials = [], modules = [], isLoopWell = () => true } = deps;
  const applied = await (await migratorFor(database, modules)).up();
  if (applied.length > 0) log.info({ migrations: applied }, `applied ${applied.length} migrations`);

  const skew = await clockSkew(database, clock);
  if (Math.abs(skew) >= NOTABLE_SKEW) {
    log.warn({ skew }, `the database's clock is ${Math.round(skew / 1000)} s ahead of this one: synchronise both`);
  }

  const { installation: store } = openStorage(database, { onCommit: () => {} });
  const installation = await installationId({ store, clock });
  /** The latest first. */
  const closers: (() => Promise<void>)[] = [];
  const closeAll = async () => {
    for (const close of closers.splice(0)) await close();
  };
  try {
    const open = (url: string) => openDatabase(config, log, { url, patience });
    const migrations = await migrationsWith(modules);
    const elsewhere = await openStoreDatabases({ config, modules, open, migrations, installation, log });
    closers.unshift(async () => {
      for (const { database } of elsewhere) await database.close();
    });
    const { mailer, mailbox } = await openMail(config, clock);
    closers.unshift(() => mailer.close());
    const redis = await openRedis(config, log, installation);
    closers.unshift(async () => redis?.close());
    const app = await createApp({
      config,
      database,
      elsewhere,
      redis,
      mailer,
      mailbox,
      clock,
      longestWait,
      blindAfter,
      credentials,
      modules,
      isLoopWell,
      log,
      version: VERSION,
      // A worker serves no lists.
      replicas: config.role === 'worker' ? [] : replicaSources(config, log),
      // A test's clock is monotonic, too.
      steadyClock: deps.clock ?? steadyClock,
    });
    return {
      app,
      async close(grace) {
        await app.stop(grace);
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function openRedis({ redisUrl, redisCa: ca }: Config, log: Logger, id: string): Promise<RedisConnections | null> {
  if (redisUrl === null) return null;
  // Loaded only with a REDIS_URL, to save time at start.
  const { connectRedis } = await import('./platform/redis/connect.ts');
  const outage = createOutageLog(log, 'reaching Redis');
  const lateness = createOutageLog(log, 'asking Redis for limits and what is remembered, which answers late,');
  let away: NodeJS.Timeout | undefined;
  let late: NodeJS.Timeout | undefined;
  const redis = connectRedis(redisUrl, {
    space: `ostiary:${id}`,
    ca,
    // Not for a moment in which this process itself was too busy, as at its start.
    onAway(error) {
      away ??= setTimeout(() => outage.failed(error), NOTABLE_ABSENCE).unref();
    },
    onBack() {
      clearTimeout(away);
      away = undefined;
      outage.worked();
    },
    onLate(error) {
      late ??= setTimeout(() => lateness.failed(error), NOTABLE_LATENESS).unref();
    },
    onPrompt() {
      clearTimeout(late);
      late = undefined;
      lateness.worked();
    },
  });
  redis.commands.once('ready', () => void warnOfEviction(redis, log));
  return redis;
}

/** Jobs that only Redis has, limits and locks are lost by any policy but one; promised jobs are enqueued again. */
async function warnOfEviction(redis: RedisConnections, log: Logger): Promise<void> {
  const policy = await redis.evictionPolicy().catch(() => null);
  if (policy === null || policy === 'noeviction') return;
  log.warn(
    `Redis evicts keys when its memory is full (${policy}): set maxmemory-policy to noeviction, so that it loses no jobs`,
  );
}

async function openMail({ mail, dataDir }: Config, clock: Clock): Promise<{ mailer: Mailer; mailbox: Mailbox | null }> {
  if (mail.smtpUrl) {
    const { createSmtpMailer } = await import('./platform/mail/smtp.ts');
    const { smtpUrl: url, smtpCa: ca, from, dkim, ehloName } = mail;
    return { mailer: createSmtpMailer({ url, ca, from, dkim, ehloName }), mailbox: null };
  }
  const mailbox = createMailbox({ dir: join(dataDir, 'mailbox'), clock });
  return { mailer: mailbox, mailbox };
}
