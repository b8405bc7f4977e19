import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import type { Scratch } from './scratch.ts';
import type { Launch } from './server-process.ts';
import { asUser, findBinary, onFreePort, run, startProcess, untilReady } from './server-process.ts';

const FOLDERS = ['/usr/lib/postgresql/*/bin', '/usr/pgsql-*/bin', '/usr/local/bin', '/opt/homebrew/bin'];
const CONNECT_LIMIT = 5000;

/** The program that a private PostgreSQL needs, or null. */
export const findPostgres = (): string | null => findBinary(['initdb'], FOLDERS);

/** The program that copies a running cluster, or null. */
export const findBaseBackup = (): string | null => findBinary(['pg_basebackup'], FOLDERS);

/** The version of the server behind `url`; throws when it does not answer within five seconds. */
export async function postgresVersion(url: string): Promise<string> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_LIMIT });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>('show server_version');
    return `PostgreSQL ${rows[0]?.server_version ?? '(version unknown)'}`;
  } finally {
    await client.end();
  }
}

/** Starts a PostgreSQL of its own on 127.0.0.1; only `durable` makes it wait for the disk. */
export const launchPostgres: Launch = async (scratch, options) => {
  const start = await createCluster(scratch, options);
  return start === null ? { missing: 'no initdb was found' } : onFreePort(start);
};

/** Starts a server on a cluster's files, again and again if need be; resolves when it answers. */
export type StartCluster = (port: number) => Promise<{ url: string; child: ChildProcess }>;

/** What a private PostgreSQL may have of its own. */
export interface ClusterOptions {
  durable: boolean;
  /** Of `postgresql.conf`. */
  settings?: Record<string, string>;
  /** Files of its data directory, by name, for its user only. */
  files?: Record<string, string>;
  /** Options that its URL needs. */
  query?: string;
}

/** The files of a private PostgreSQL; null if there is no program for it. */
export async function createCluster(scratch: Scratch, options: ClusterOptions): Promise<StartCluster | null> {
  const { durable, settings = {}, files = {}, query = '' } = options;
  const initdb = findPostgres();
  if (initdb === null) return null;
  const home = join(scratch.dir, 'postgres');
  const data = join(home, 'data');
  const user = asUser('postgres');
  mkdirSync(home, { mode: 0o700 });
  if (user.length > 0) await run(['chown', 'postgres:postgres', home]);

  const password = randomBytes(18).toString('base64url');
  const passwordFile = join(home, 'password');
  writeFileSync(passwordFile, password);
  if (user.length > 0) await run(['chown', 'postgres:postgres', passwordFile]);
  const init = [initdb, '--pgdata', data, '--username=ostiary', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  await run([...user, ...init, '--encoding=UTF8', '--locale=C', '--no-sync'], { cwd: scratch.dir });

  for (const [name, content] of Object.entries(files)) {
    const file = join(data, name);
    writeFileSync(file, content, { mode: 0o600 });
    if (user.length > 0) await run(['chown', 'postgres:postgres', file]);
  }

  return async (port) => {
    const url = `postgres://ostiary:${password}@127.0.0.1:${port}/postgres${query}`;
    return { url, child: await servePostgres(scratch, { initdb, home, url, durable, settings }) };
  };
}

/** Serves `home/data` at the port of `url` on 127.0.0.1; resolves once it answers. */
export async function servePostgres(
  scratch: Scratch,
  server: { initdb: string; home: string; url: string; durable: boolean; settings?: Record<string, string> },
): Promise<ChildProcess> {
  const { initdb, home, url, durable } = server;
  const log = join(home, 'log');
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '300',
    fsync: durable ? 'on' : 'off',
    full_page_writes: durable ? 'on' : 'off',
    // What it reads in passing changes the plans of queries, and the work is wasted on databases of a minute.
    autovacuum: durable ? 'on' : 'off',
    ...server.settings,
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const program = [join(dirname(initdb), 'postgres'), '-D', join(home, 'data'), '-p', new URL(url).port];
  const command = [...asUser('postgres'), ...program, ...options];
  const child = startProcess(scratch, { command, log, end: 'QUIT', cwd: home });
  await untilReady(child, log, () => postgresVersion(url));
  return child;
}
