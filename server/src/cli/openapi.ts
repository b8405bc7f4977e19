import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { loadModules } from '../load-modules.ts';
import { loadConfig } from '../platform/config/load-config.ts';
import { createLog } from '../platform/telemetry/log.ts';
import { openApp, openDatabase } from '../start.ts';
import { UsageError } from './usage-error.ts';

/**
 * A production server that nobody will ever reach, on a database in memory: what it describes is the same on every machine, whatever
 * is configured there. The names are of those that never resolve (RFC 6761).
 */
const SETTINGS = {
  ENVIRONMENT: 'production',
  DATABASE_URL: 'sqlite::memory:',
  PUBLIC_URL: 'https://ostiary.invalid',
  SMTP_URL: 'smtp://ostiary.invalid',
  MAIL_FROM: 'nobody@ostiary.invalid',
  SECRET_KEY: 'signs nothing: this server answers no requests',
  LOG_LEVEL: 'silent',
};

/**
 * `ostiary openapi [--pretty]`: prints the OpenAPI document of every route that production has, with those of the modules that the
 * configuration file in the working directory adds. Neither settings nor a database are needed.
 */
export async function openapi(args: string[]): Promise<void> {
  const pretty = args[0] === '--pretty';
  if (args.length > (pretty ? 1 : 0)) throw new UsageError('openapi takes nothing but --pretty.');
  const folder = await mkdtemp(join(tmpdir(), 'ostiary-openapi-'));
  try {
    process.stdout.write(`${JSON.stringify(await describe(folder), null, pretty ? 2 : 0)}\n`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function describe(folder: string): Promise<object> {
  const { config } = loadConfig({ env: { ...SETTINGS, DATA_DIR: folder }, cwd: folder });
  const { OSTIARY_CONFIG: file } = process.env;
  const modules = await loadModules({ configFile: file ? resolve(file) : null });
  const log = createLog(config.log);
  const database = await openDatabase(config, log);
  try {
    const { app, close } = await openApp({ config, database, log, modules });
    try {
      await app.http.ready();
      return await app.http.openapi();
    } finally {
      await app.http.close();
      await close();
    }
  } finally {
    await database.close();
  }
}
