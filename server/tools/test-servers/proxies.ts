import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Scratch } from './scratch.ts';
import { findBinary, onFreePort, run, startProcess, untilReady } from './server-process.ts';

export type ProxyKind = 'nginx' | 'haproxy' | 'caddy';

/** Debian's packages of the reverse proxies. */
export const PROXY_PACKAGES: Record<ProxyKind, string> = { nginx: 'nginx-light', haproxy: 'haproxy', caddy: 'caddy' };
export const PROXIES = Object.keys(PROXY_PACKAGES) as ProxyKind[];

const FOLDERS = ['/usr/sbin', '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'];

/** The program of a reverse proxy, or null. */
export const findProxy = (kind: ProxyKind): string | null => findBinary([kind], FOLDERS);

const VERSION: Record<ProxyKind, string[]> = { nginx: ['-v'], haproxy: ['-v'], caddy: ['version'] };

/** The version of a reverse proxy, as it says it itself. */
export async function proxyVersion(kind: ProxyKind): Promise<string> {
  // nginx says it on its standard error.
  const said = await run(['/bin/sh', '-c', `exec "$0" "$@" 2>&1`, programOf(kind), ...VERSION[kind]]);
  return said.split('\n')[0] ?? '';
}

function programOf(kind: ProxyKind): string {
  const program = findProxy(kind);
  if (program === null) throw new Error(`There is no ${kind} on this machine; \`npm run test:install\` gets one.`);
  return program;
}

/** What stands around the configuration of a test, which is what belongs into `http` of nginx, or after the defaults of the others. */
const FRAME: Record<ProxyKind, (text: string, home: string) => string> = {
  nginx: (text, home) => {
    const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const paths = folders.map((name) => `${name}_temp_path ${join(home, name)};`).join(' ');
    return `daemon off;\npid ${join(home, 'pid')};\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n${paths}\n${text}\n}\n`;
  },
  haproxy: (text) =>
    `defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n${text}\n`,
  caddy: (text) => `{\n  admin off\n  auto_https off\n}\n${text}\n`,
};

const COMMAND: Record<ProxyKind, (file: string, home: string) => string[]> = {
  nginx: (file, home) => ['-p', home, '-c', file, '-e', 'stderr'],
  haproxy: (file) => ['-db', '-f', file],
  caddy: (file) => ['run', '--adapter', 'caddyfile', '--config', file],
};

let launched = 0;

/**
 * Starts a reverse proxy whose configuration `configure` writes for a free port of 127.0.0.1; resolves with that port once it listens.
 * Throws a sentence where it is not installed, and the end of its log where it does not start.
 */
export async function launchProxy(
  scratch: Scratch,
  kind: ProxyKind,
  configure: (port: number) => string,
): Promise<number> {
  const program = programOf(kind);
  launched += 1;
  const home = join(scratch.dir, `${kind}-${launched}`);
  const log = join(home, 'log');
  mkdirSync(home, { mode: 0o755 });
  return onFreePort(async (port) => {
    const file = join(home, `${port}.conf`);
    writeFileSync(file, FRAME[kind](configure(port), home));
    const env = { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home };
    const command = [program, ...COMMAND[kind](file, home)];
    const child = startProcess(scratch, { command, log, end: 'TERM', cwd: home, env });
    await untilReady(child, log, () => touch(port));
    return port;
  });
}

async function touch(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}
