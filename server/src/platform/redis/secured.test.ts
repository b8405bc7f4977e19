import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { AUTHORITY, LOCALHOST } from '../../../test/certificates.ts';
import { findRedis } from '../../../tools/test-servers/redis.ts';
import { createScratch, type Scratch } from '../../../tools/test-servers/scratch.ts';
import { onFreePort, startProcess, untilReady } from '../../../tools/test-servers/server-process.ts';
import { connectRedis } from './connect.ts';

/** Starts a Redis that speaks TLS only, with a certificate of `AUTHORITY`. */
async function startSecured(scratch: Scratch): Promise<string> {
  const home = join(scratch.dir, 'secured-redis');
  mkdirSync(home);
  const files = { cert: LOCALHOST.cert, key: LOCALHOST.key, 'ca-cert': AUTHORITY };
  const tls = Object.entries(files).flatMap(([name, content]) => {
    const path = join(home, `${name}.pem`);
    writeFileSync(path, content);
    return [`--tls-${name}-file`, path];
  });
  const log = join(home, 'log');
  return onFreePort(async (port) => {
    const options = ['--port', '0', '--tls-port', `${port}`, '--tls-auth-clients', 'no', '--dir', home, '--save', ''];
    const child = startProcess(scratch, {
      command: [findRedis() ?? '', ...options, ...tls],
      log,
      end: 'TERM',
      cwd: home,
    });
    const url = `rediss://127.0.0.1:${port}`;
    await untilReady(child, log, () => ping(url, AUTHORITY));
    return url;
  });
}

async function ping(url: string, ca: string | null): Promise<void> {
  const redis = connectRedis(url, { ca, onAway: () => {}, onBack: () => {} });
  try {
    await redis.ping();
  } finally {
    await redis.close();
  }
}

if (process.env.TEST_REDIS_URL && findRedis() !== null) {
  test('a Redis with a private authority is reached with REDIS_CA', { timeout: 120_000 }, async () => {
    const scratch = createScratch();
    try {
      await ping(await startSecured(scratch), AUTHORITY);
    } finally {
      await scratch.end();
    }
  });
}
