import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { MINUTE } from '../src/platform/clock.ts';
import { loadConfig } from '../src/platform/config/load-config.ts';
import { connectDatabase, type Database } from '../src/platform/database/database.ts';
import { createMailbox } from '../src/platform/mail/mailbox.ts';
import { logOptions } from '../src/platform/telemetry/log.ts';
import { openApp } from '../src/start.ts';
import { standingClock } from './app.ts';
import { createClient } from './client.ts';
import { PATIENCE } from './databases.ts';
import { freshSqlite, type Scene, type SceneOptions } from './scenario.ts';

/** A scene that shows what the server writes to its log, every statement and request among it, and its database. */
export interface WatchedScene extends Scene {
  database: Database;
  /** JSON lines. */
  log: string[];
}

/** Runs a scenario on a server that logs all it can, into memory. */
export async function withWatchedScene(
  run: (s: WatchedScene) => Promise<void>,
  { freshUrl = freshSqlite, env = {}, longestWait = Infinity }: SceneOptions = {},
): Promise<void> {
  const { url: databaseUrl, drop } = await freshUrl();
  const dataDir = await mkdtemp(join(tmpdir(), 'ostiary-watched-'));
  const { config } = loadConfig({
    env: {
      ENVIRONMENT: 'test',
      DATA_DIR: dataDir,
      DATABASE_URL: databaseUrl,
      PUBLIC_URL: 'http://localhost:8000',
      SECRET_KEY: 'the secret key of the tests, 0123456789',
      ARGON2_MEMORY: '8mb',
      ARGON2_PASSES: '1',
      RATE_LIMITS: 'off',
      DOCS: 'off',
      LOG_LEVEL: 'trace',
      LOG_FORMAT: 'json',
      LOG_SLOW_QUERY: '0ms',
      LOG_SLOW_REQUEST: '0ms',
      ...env,
    },
    cwd: dataDir,
  });
  const lines: string[] = [];
  const log = pino(logOptions('trace'), { write: (line: string) => void lines.push(line) });
  const time = standingClock();
  const database = await connectDatabase({ url: databaseUrl, poolSize: 4, slowQuery: 0, log, patience: PATIENCE });
  const { app, close } = await openApp({
    config,
    database,
    log,
    clock: () => time.now,
    longestWait,
    blindAfter: MINUTE,
  });
  const mailbox = createMailbox({ dir: join(dataDir, 'mailbox'), clock: () => time.now });
  await app.start();
  await app.http.ready();
  async function work(): Promise<void> {
    await app.relay.deliverDue();
    await app.queue.drain();
  }
  const scene = {
    app,
    config,
    time,
    database,
    databaseUrl,
    log: lines,
    work,
    async mailsTo(address: string) {
      await work();
      return (await mailbox.list()).filter((mail) => mail.to === address);
    },
    async close() {
      await app.http.close();
      await close();
      await database.close();
      await drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  try {
    await run({ ...scene, client: createClient(scene) });
  } finally {
    await scene.close();
  }
}

/** How many rows each table (documents each collection) has. */
export async function rowCounts(database: Database): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const [table, rows] of Object.entries(await everything(database))) counts[table] = rows.length;
  return counts;
}

/** All that the database holds. */
export async function everything(database: Database): Promise<Record<string, Record<string, unknown>[]>> {
  const all: Record<string, Record<string, unknown>[]> = {};
  if (database.kind === 'mongo') {
    for (const { name } of await database.db.listCollections().toArray()) {
      all[name] = await database.db.collection(name).find().toArray();
    }
    return all;
  }
  const { db } = database as unknown as { db: import('kysely').Kysely<Record<string, Record<string, unknown>>> };
  for (const { name } of await db.introspection.getTables())
    all[name] = await db.selectFrom(name).selectAll().execute();
  return all;
}
