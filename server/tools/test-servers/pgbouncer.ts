import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { postgresVersion } from './postgres.ts';
import type { Scratch } from './scratch.ts';
import { asUser, findBinary, onFreePort, run, startProcess, untilReady } from './server-process.ts';

const FOLDERS = ['/usr/sbin', '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'];

/** The program of a private PgBouncer, or null. */
export const findPgbouncer = (): string | null => findBinary(['pgbouncer'], FOLDERS);

/** Its version; null if there is none. */
export async function pgbouncerVersion(): Promise<string | null> {
  const program = findPgbouncer();
  return program === null ? null : ((await run([program, '--version'])).split('\n')[0] ?? null);
}

/** Starts a PgBouncer on 127.0.0.1 in front of the PostgreSQL of `server`, for all its databases, with up to `size` sessions for each. */
export async function launchPgbouncer(
  scratch: Scratch,
  { server, mode, size = 12 }: { server: string; mode: 'transaction' | 'session'; size?: number },
): Promise<{ url: string } | { missing: string }> {
  const program = findPgbouncer();
  if (program === null) return { missing: 'no pgbouncer was found' };
  const { hostname, port: serverPort, username, password } = new URL(server);
  const home = join(scratch.dir, `pgbouncer-${mode}`);
  const log = join(home, 'log');
  const user = asUser('postgres');
  mkdirSync(home, { mode: 0o700 });
  const name = decodeURIComponent(username);
  const users = join(home, 'users');
  writeFileSync(users, `"${name}" "${decodeURIComponent(password)}"\n`);
  if (user.length > 0) await run(['chown', '-R', 'postgres:postgres', home]);

  return onFreePort(async (port) => {
    const file = join(home, `${port}.ini`);
    const settings = {
      listen_addr: '127.0.0.1',
      listen_port: port,
      unix_socket_dir: '',
      auth_type: 'scram-sha-256',
      auth_file: users,
      pool_mode: mode,
      default_pool_size: size,
      max_client_conn: 500,
      server_idle_timeout: 5,
      pidfile: '',
    };
    const lines = Object.entries(settings).map(([key, value]) => `${key} = ${value}`);
    const database = `* = host=${hostname} port=${serverPort || 5432}`;
    writeFileSync(file, ['[databases]', database, '[pgbouncer]', ...lines, ''].join('\n'));
    if (user.length > 0) await run(['chown', 'postgres:postgres', file]);
    const child = startProcess(scratch, { command: [...user, program, file], log, end: 'TERM', cwd: home });
    const url = new URL(server);
    url.hostname = '127.0.0.1';
    url.port = String(port);
    await untilReady(child, log, () => postgresVersion(url.href));
    return { url: url.href };
  });
}
