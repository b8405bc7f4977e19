import { randomBytes } from 'node:crypto';
import { type Child, startChild } from './child.ts';
import type { Context } from './context.ts';
import type { Cores } from './cores.ts';
import type { BenchDatabase } from './databases.ts';

export interface Ostiary {
  child: Child;
  url: string;
  stop(): Promise<void>;
}

/** Those of `npm start`. */
export const NODE_FLAGS = ['--max-semi-space-size=4'];

/** Limits stay on and count every request, but nobody reaches this one. */
const NO_REAL_LIMIT = '1000000/1s';

/** One for the whole run: a database answers only to the key that it was made with. */
const SECRET_KEY = randomBytes(32).toString('base64');

/** Nobody listens there: for measures in which no mail is due. */
const NO_MAIL = 'smtp://127.0.0.1:9';

interface Options {
  database: BenchDatabase;
  env?: Record<string, string>;
}

/** Its production configuration, as behind a proxy on this machine. */
export function ostiaryEnv(dataDir: string, { database, env }: Options): Record<string, string> {
  return {
    ENVIRONMENT: 'production',
    HOST: '127.0.0.1',
    PORT: '0',
    PUBLIC_URL: 'https://bench.example.org',
    TRUSTED_HOSTS: 'bench.example.org,127.0.0.1',
    TRUSTED_PROXIES: '127.0.0.1/32',
    DATA_DIR: dataDir,
    DATABASE_URL: database.url,
    SECRET_KEY,
    SMTP_URL: NO_MAIL,
    MAIL_FROM: 'bench@example.org',
    RATE_LIMIT_DEFAULT: NO_REAL_LIMIT,
    LOG_FORMAT: 'json',
    ...env,
  };
}

/** Starts the real server, with what measures need besides. */
export async function startOstiary(context: Context, options: Options & { cores: Cores }): Promise<Ostiary> {
  const dataDir = context.folder('data');
  const child = startChild('servers/ostiary.ts', {
    cores: options.cores,
    cwd: dataDir,
    nodeArgs: [...NODE_FLAGS, ...context.nodeArgs],
    env: ostiaryEnv(dataDir, options),
  });
  return { child, url: await child.call<string>('listen'), stop: () => child.stop() };
}
