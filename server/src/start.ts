import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { type App, createApp } from './app.ts';
import type { ReplicaSource } from './modules/replicas/replicas.ts';
import { type Clock, steadyClock, systemClock } from './platform/clock.ts';
import type { Config } from './platform/config/config.ts';
import { clockSkew, connectDatabase, type Database } from './platform/database/database.ts';
import { createMigrator, discoverMigrations, type Migrator } from './platform/database/migrations.ts';
import { databaseTarget } from './platform/database/url.ts';
import type { CredentialKind } from './platform/http/credential-kind.ts';
import type { Mailer } from './platform/mail/mail.ts';
import { createMailbox, type Mailbox } from './platform/mail/mailbox.ts';
import type { RedisConnections } from './platform/redis/connect.ts';
import { createOutageLog } from './platform/telemetry/outage-log.ts';

/** The version of this server, from its package. */
export const VERSION: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;

/** Milliseconds; a larger difference between this clock and the database's is reported. */
const NOTABLE_SKEW = 2_000;
/** Milliseconds; a longer absence of Redis is reported. */
const NOTABLE_ABSENCE = 1_000;

/** Opens the configured database. Throws `DatabaseUnreachable`. */
export function openDatabase(config: Config, log: Logger): Promise<Database> {
  const { url, ca, pooler, poolSize } = config.database;
  return connectDatabase({ url, ca, pooler, poolSize, slowQuery: config.log.slowQuery, log });
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

/** The migrations of all modules, for this database. */
export async function migratorFor(database: Database): Promise<Migrator> {
  return createMigrator(database, await discoverMigrations(new URL('./modules/', import.meta.url)));
}

/** Migrates the database and composes the server on it: `const { app, close } = await openApp({ config, database, log })`. The caller closes both. */
export async function openApp(deps: {
  config: Config;
  database: Database;
  log: Logger;
  clock?: Clock;
  /** Milliseconds that a request may wait for its password to be hashed. */
  longestWait?: number;
  /** Kinds of credentials besides sessions. */
  credentials?: readonly CredentialKind[];
}): Promise<{ app: App; close(grace?: number): Promise<void> }> {
  const { config, database, log, clock = systemClock, longestWait, credentials = [] } = deps;
  const applied = await (await migratorFor(database)).up();
  if (applied.length > 0) log.info({ migrations: applied }, `applied ${applied.length} migrations`);

  const skew = await clockSkew(database, clock);
  if (Math.abs(skew) >= NOTABLE_SKEW) {
    log.warn({ skew }, `the database's clock is ${Math.round(skew / 1000)} s ahead of this one: synchronise both`);
  }

  const { mailer, mailbox } = await openMail(config, clock);
  const redis = await openRedis(config, log);
  const app = await createApp({
    config,
    database,
    redis,
    mailer,
    mailbox,
    clock,
    longestWait,
    credentials,
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
      await mailer.close();
      await redis?.close();
    },
  };
}

async function openRedis({ redisUrl, redisCa: ca }: Config, log: Logger): Promise<RedisConnections | null> {
  if (redisUrl === null) return null;
  // Loaded only with a REDIS_URL, to save time at start.
  const { connectRedis } = await import('./platform/redis/connect.ts');
  const outage = createOutageLog(log, 'reaching Redis');
  let away: NodeJS.Timeout | undefined;
  return connectRedis(redisUrl, {
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
  });
}

async function openMail({ mail, dataDir }: Config, clock: Clock): Promise<{ mailer: Mailer; mailbox: Mailbox | null }> {
  if (mail.smtpUrl) {
    const { createSmtpMailer } = await import('./platform/mail/smtp.ts');
    const { smtpUrl: url, smtpCa: ca, from, dkim } = mail;
    return { mailer: createSmtpMailer({ url, ca, from, dkim }), mailbox: null };
  }
  const mailbox = createMailbox({ dir: join(dataDir, 'mailbox'), clock });
  return { mailer: mailbox, mailbox };
}
