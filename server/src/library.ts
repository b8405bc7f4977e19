import { checkNames } from './added-modules.ts';
import type { App } from './app.ts';
import type { Module } from './module.ts';
import { SECOND } from './platform/clock.ts';
import { loadConfig } from './platform/config/load-config.ts';
import type { Environment } from './platform/config/read-sources.ts';
import { shutDown } from './platform/http/shutdown.ts';
import { createLog } from './platform/telemetry/log.ts';
import { openApp, openDatabase } from './start.ts';

/** Milliseconds that running requests, and then running jobs, get to finish. */
const GRACE = 10 * SECOND;

const listenTextResolver = (address: string) => `listening on ${address}`;

/** A server that a program has embedded. */
export interface Ostiary {
  /** The Fastify instance: `await http.inject({ url: '/api/v1/users/me' })`. It takes no more routes: modules bring theirs. */
  http: App['http'];
  /** Listens on `HOST` and `PORT` as well; resolves with the address. Throws the error of an address in use. */
  listen(): Promise<string>;
  /** The link that creates the first administrator; null once there is one. It is a secret for half an hour. */
  setupLink(): Promise<string | null>;
  /** Finishes running requests and jobs, within ten seconds each, and closes everything. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Starts a server inside a program, migrated and at work, which answers `http.inject` and, after `listen`, its port:
 *
 *     const server = await createApp({ env: { DATABASE_URL: 'sqlite:./data/db' }, modules: [notes] });
 *     console.log(await server.listen());
 *
 * `env` has the settings that the command `serve` reads from the environment (`process.env` by default), `.env` in `cwd` the others; `WORKERS` and
 * the file of `OSTIARY_CONFIG` are left to that command. Signals are left to the program, which calls `close`. The log goes to standard output:
 * `LOG_LEVEL=silent` ends that. Throws `ConfigError`, `ModuleError`, `DatabaseUnreachable`, `MigrationFailed`, `WrongSecretKey` or `RedisShared`, and leaves nothing open.
 */
export async function createApp(
  options: { env?: Environment; cwd?: string; modules?: readonly Module[] } = {},
): Promise<Ostiary> {
  const { env = process.env, cwd = process.cwd(), modules = [] } = options;
  checkNames(modules);
  const { config, warnings } = loadConfig({ env, cwd });
  const log = createLog(config.log);
  for (const warning of warnings) log.warn(warning);
  /** The latest first. */
  const closers: (() => Promise<void>)[] = [];
  const closeAll = async () => {
    for (const close of closers.splice(0)) await close();
  };
  let closing: Promise<void> | undefined;
  try {
    const database = await openDatabase(config, log);
    closers.unshift(() => database.close());
    const { app, close } = await openApp({ config, database, log, modules });
    closers.unshift(() => close(GRACE));
    await app.start();
    closers.unshift(() => shutDown(app.http, { grace: GRACE }));
    await app.http.ready();
    return {
      http: app.http,
      listen: () => app.http.listen({ host: config.host, port: config.port, listenTextResolver }),
      async setupLink() {
        const token = await app.setup.offer();
        return token && `${config.publicUrl}/setup#token=${token}`;
      },
      close() {
        closing ??= closeAll();
        return closing;
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}
