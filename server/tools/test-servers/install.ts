// Installs the test servers and the generators of API clients: `npm run test:install`. Quick if all are installed.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { prepareClients } from '../openapi-clients/generate.ts';
import { findChromium } from './chromium.ts';
import { findMariadb } from './mariadb.ts';
import { prepareMongodb } from './mongodb-runtime.ts';
import { findPgbouncer } from './pgbouncer.ts';
import { findPostgres } from './postgres.ts';
import { findProxy, PROXIES, PROXY_PACKAGES } from './proxies.ts';
import { hasRadosgw, RADOSGW_PACKAGES } from './radosgw.ts';
import { findRedis } from './redis.ts';
import { findBinary, run } from './server-process.ts';

/** Debian asks this file whether a newly installed service may start; 101 says no. */
const SERVICE_POLICY = '/usr/sbin/policy-rc.d';
const APT_OPTIONS = ['-q', '-y', '-o', 'DPkg::Lock::Timeout=300'];

const missingPackages = () => [
  ...(findPostgres() === null ? ['postgresql'] : []),
  ...(findPgbouncer() === null ? ['pgbouncer'] : []),
  ...(findMariadb() === null ? ['mariadb-server'] : []),
  ...(findRedis() === null ? ['redis-server'] : []),
  ...(findChromium() === null ? ['chromium'] : []),
  // Stands for the phone of a user.
  ...(findBinary(['oathtool'], ['/usr/bin']) === null ? ['oathtool'] : []),
  ...(hasRadosgw() ? [] : RADOSGW_PACKAGES),
  ...PROXIES.filter((kind) => findProxy(kind) === null).map((kind) => PROXY_PACKAGES[kind]),
];

/** Installs Debian packages without starting their services; throws apt's error. */
async function installPackages(packages: string[]): Promise<void> {
  if (findBinary(['apt-get'], ['/usr/bin']) === null) {
    throw new Error(`Install these with your system's package manager: ${packages.join(', ')}.`);
  }
  if (process.getuid?.() !== 0) throw new Error(`As root: apt-get install ${packages.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const ownPolicy = !existsSync(SERVICE_POLICY);
  if (ownPolicy) writeFileSync(SERVICE_POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    await run(['apt-get', ...APT_OPTIONS, 'update'], { env });
    await run(['apt-get', ...APT_OPTIONS, 'install', '--no-install-recommends', ...packages], { env });
  } finally {
    if (ownPolicy) rmSync(SERVICE_POLICY, { force: true });
  }
}

/** One step: prints its result, and lets the others continue if it fails. */
async function step(name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
    console.log(`${name}: ready`);
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}

await step(
  'PostgreSQL, PgBouncer, MariaDB, Redis, an S3-compatible storage, the reverse proxies, Chromium and oathtool',
  async () => {
    const packages = missingPackages();
    if (packages.length > 0) await installPackages(packages);
    if (missingPackages().length > 0) throw new Error(`still missing after the installation: ${missingPackages()}`);
  },
);
await step('Client generators (with a TypeScript of their own, for a test)', prepareClients);
await step('MongoDB (an embedded engine under the SSPL, for tests only)', prepareMongodb);
