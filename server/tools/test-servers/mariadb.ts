import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RowDataPacket } from 'mysql2/promise';
import { createConnection } from 'mysql2/promise';
import type { Scratch } from './scratch.ts';
import type { Launch } from './server-process.ts';
import { asUser, findBinary, onFreePort, run, startProcess, untilReady } from './server-process.ts';

const FOLDERS = ['/usr/sbin', '/usr/libexec', '/usr/local/bin', '/usr/local/sbin', '/opt/homebrew/bin'];
const CONNECT_LIMIT = 5000;

/** The programs that a private MariaDB needs, or null. */
export function findMariadb(): { server: string; install: string } | null {
  const server = findBinary(['mariadbd'], FOLDERS);
  const install = findBinary(['mariadb-install-db'], ['/usr/bin', ...FOLDERS]);
  return server === null || install === null ? null : { server, install };
}

/** The name and version of the server behind `url`; throws when it does not answer within five seconds. */
export async function mysqlVersion(url: string): Promise<string> {
  const connection = await createConnection({ uri: url, connectTimeout: CONNECT_LIMIT });
  try {
    const [rows] = await connection.query<RowDataPacket[]>('select version() as version');
    const version = String(rows[0]?.version ?? '(version unknown)');
    return version.includes('MariaDB') ? `MariaDB ${version.replace(/-MariaDB.*/, '')}` : `MySQL ${version}`;
  } finally {
    await connection.end();
  }
}

/** Starts a MariaDB of its own on 127.0.0.1; only `durable` makes it wait for the disk at every commit. */
export const launchMariadb: Launch = (scratch, { durable }) => launchMariadbWith(scratch, { durable, settings: [] });

/** The same with more options on its command line. */
export async function launchMariadbWith(
  scratch: Scratch,
  { durable, settings, query = '' }: { durable: boolean; settings: string[]; query?: string },
): ReturnType<Launch> {
  const found = findMariadb();
  if (found === null) return { missing: 'no mariadbd with mariadb-install-db was found' };
  const home = join(scratch.dir, 'mariadb');
  const data = join(home, 'data');
  const log = join(home, 'log');
  const user = asUser('mysql');
  mkdirSync(home, { mode: 0o700 });

  const password = randomBytes(18).toString('base64url');
  const setup = join(home, 'setup.sql');
  writeFileSync(
    setup,
    `create user 'ostiary'@'%' identified by '${password}';\ngrant all on *.* to 'ostiary'@'%' with grant option;\n`,
  );
  if (user.length > 0) await run(['chown', '-R', 'mysql:mysql', home]);
  const init = [found.install, '--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=socket'];
  // A MariaDB that starts removes the temporary tables of every other that uses the same folder.
  await run(['env', `TMPDIR=${home}`, ...user, ...init, '--skip-test-db', '--skip-name-resolve'], { cwd: home });

  const options = [
    `--datadir=${data}`,
    `--tmpdir=${home}`,
    `--socket=${join(home, 's')}`,
    `--pid-file=${join(home, 'pid')}`,
    `--init-file=${setup}`,
    '--bind-address=127.0.0.1',
    '--skip-name-resolve',
    '--character-set-server=utf8mb4',
    '--max-connections=300',
    `--innodb-flush-log-at-trx-commit=${durable ? 1 : 0}`,
    ...settings,
  ];
  return onFreePort(async (port) => {
    const command = [...user, found.server, '--no-defaults', `--port=${port}`, ...options];
    const child = startProcess(scratch, { command, log, end: 'KILL', cwd: home });
    const url = `mysql://ostiary:${password}@127.0.0.1:${port}/mysql${query}`;
    await untilReady(child, log, () => mysqlVersion(url));
    return { url };
  });
}
