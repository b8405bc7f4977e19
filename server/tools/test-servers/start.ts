import { chromiumVersion } from './chromium.ts';
import { launchMariadb, mysqlVersion } from './mariadb.ts';
import { ENGINE_LIMITS, launchMongodb, mongodbVersion } from './mongodb.ts';
import { pgbouncerVersion } from './pgbouncer.ts';
import { launchPostgres, postgresVersion } from './postgres.ts';
import { radosgwVersion } from './radosgw.ts';
import { launchRedis, redisVersion } from './redis.ts';
import { createScratch, type Scratch } from './scratch.ts';
import type { Launch } from './server-process.ts';

export type ServerKind = 'postgres' | 'mysql' | 'mongodb' | 'redis';

export interface TestServers {
  urls: Partial<Record<ServerKind, string>>;
  /** One line per kind of server: its version and origin, or why it is missing. */
  report: string[];
  /** Ends the private servers and removes their folder; servers given by URL are left alone. */
  stop(): Promise<void>;
}

interface Kind {
  name: string;
  variable: 'TEST_POSTGRES_URL' | 'TEST_MYSQL_URL' | 'TEST_MONGODB_URL' | 'TEST_REDIS_URL';
  launch: Launch;
  version: (url: string) => Promise<string>;
  /** Features that a private server of this kind lacks. */
  limits?: string;
}

/** The kinds of server that tests run on, and the variable that names an existing one. */
export const SERVER_KINDS: Record<ServerKind, Kind> = {
  postgres: {
    name: 'PostgreSQL',
    variable: 'TEST_POSTGRES_URL',
    launch: launchPostgres,
    version: postgresVersion,
  },
  mysql: {
    name: 'MySQL/MariaDB',
    variable: 'TEST_MYSQL_URL',
    launch: launchMariadb,
    version: mysqlVersion,
  },
  mongodb: {
    name: 'MongoDB',
    variable: 'TEST_MONGODB_URL',
    launch: launchMongodb,
    version: mongodbVersion,
    limits: ENGINE_LIMITS,
  },
  redis: {
    name: 'Redis',
    variable: 'TEST_REDIS_URL',
    launch: launchRedis,
    version: redisVersion,
  },
};

const isKind = (name: string): name is ServerKind => Object.hasOwn(SERVER_KINDS, name);

/**
 * Takes the servers named by TEST_POSTGRES_URL, TEST_MYSQL_URL, TEST_MONGODB_URL and TEST_REDIS_URL, and starts a private one of each
 * other kind (or of those in `only`) from the programs on this machine, in `scratch` or a folder of their own. `durable` keeps
 * waiting for the disk.
 * A missing program is reported; a named server that does not answer, or a found one that does not start, throws.
 */
export async function startTestServers(
  options: { only?: string[]; durable?: boolean; env?: NodeJS.ProcessEnv; scratch?: Scratch } = {},
): Promise<TestServers> {
  const env = options.env ?? process.env;
  const unknown = (options.only ?? []).filter((name) => !isKind(name));
  if (unknown.length > 0) throw new TypeError(`unknown kinds of server: ${unknown.join(', ')}`);
  const kinds = (options.only ?? Object.keys(SERVER_KINDS)).filter(isKind);
  const scratch = options.scratch ?? createScratch();

  const start = async (key: ServerKind): Promise<{ key: ServerKind; url?: string; line: string }> => {
    const kind = SERVER_KINDS[key];
    const given = env[kind.variable];
    if (given !== undefined && given !== '') {
      const version = await kind.version(given).catch((cause: unknown) => {
        throw new Error(`${kind.variable} names a server that cannot be reached: ${reason(cause)}`, { cause });
      });
      return { key, url: given, line: `${version}: the server that ${kind.variable} names` };
    }
    const launched = await kind.launch(scratch, { durable: options.durable ?? false });
    if ('missing' in launched) {
      const ways = `\`npm run test:install\` gets one, ${kind.variable} names another`;
      return { key, line: `${kind.name}: NOT RUN ON, ${launched.missing} (${ways})` };
    }
    const limits = kind.limits === undefined ? '' : `; cannot show: ${kind.limits}`;
    return { key, url: launched.url, line: `${await kind.version(launched.url)}: a private server${limits}` };
  };

  const outcomes = await Promise.allSettled(kinds.map(start));
  const failures = outcomes.filter((outcome) => outcome.status === 'rejected').map((outcome) => outcome.reason);
  if (failures.length > 0) {
    await scratch.end();
    throw new AggregateError(failures, failures.map(reason).join('\n'));
  }
  const started = outcomes.filter((outcome) => outcome.status === 'fulfilled').map((outcome) => outcome.value);
  return {
    urls: Object.fromEntries(started.flatMap(({ key, url }) => (url === undefined ? [] : [[key, url]]))),
    report: [
      ...started.map(({ line }) => line),
      ...(options.only === undefined ? [await pgbouncerLine(), await radosgwLine(), await chromiumLine()] : []),
    ],
    stop: () => scratch.end(),
  };
}

/** Tests start a PgBouncer themselves, in front of the PostgreSQL of the run. */
async function pgbouncerLine(): Promise<string> {
  const version = await pgbouncerVersion();
  if (version !== null) return `${version}: private, in front of PostgreSQL`;
  return 'PgBouncer: NOT RUN ON, no pgbouncer was found (`npm run test:install` gets one)';
}

/** The tests of files start a storage themselves. */
async function radosgwLine(): Promise<string> {
  const version = await radosgwVersion();
  if (version !== null) return `${version}: private, an S3-compatible storage in memory`;
  return 'S3-compatible storage: NOT RUN ON, not all of Ceph was found (`npm run test:install` gets it)';
}

/** The browser of the tests of pages. */
async function chromiumLine(): Promise<string> {
  const version = await chromiumVersion();
  if (version !== null) return `${version.trim()}: the browser of the journeys`;
  return 'Chromium: NOT RUN ON, no chromium was found (`npm run test:install` gets it, CHROMIUM names another)';
}

/** The message of an error; the AggregateErrors of drivers have an empty one. */
function reason(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reason).join('; ');
  return error instanceof Error ? error.message : String(error);
}
