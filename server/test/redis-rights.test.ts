import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Redis } from 'ioredis';
import { AUTHORITY, LOCALHOST } from './certificates.ts';
import { createHttpClient } from './kill/http-client.ts';
import { launch, type ServerProcess, serverEnv, withServers } from './kill/server-process.ts';
import { hasOwnRedis, type OwnRedis, withOwnRedis } from './own-redis.ts';
import { emptySqlite, freshSqlite } from './scenario.ts';
import { until } from './until.ts';

const LIMIT = { timeout: 120_000, skip: !hasOwnRedis() };

test('whether there is a redis-server to restrict', (t) => {
  t.diagnostic(hasOwnRedis() ? 'there is' : 'there is none: nothing about rights in Redis was shown');
});

/** Lines of the log of a server, as records. */
const linesOf = (server: ServerProcess) =>
  server
    .stdout()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { level: string; msg: string });

async function administer(redis: OwnRedis, ...commands: string[][]): Promise<void> {
  const client = new Redis(redis.url);
  for (const [name = '', ...args] of commands) await client.call(name, ...args);
  client.disconnect();
}

/** A port on which nobody listens, right now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Runs a server over a Redis as a user with these rights. */
function withRights(
  t: TestContext,
  rights: string[],
  run: (server: ServerProcess, readiness: () => Promise<{ status: string; checks?: object }>) => Promise<void>,
  setting: string[][] = [],
): Promise<void> {
  return withOwnRedis(async (own) => {
    await administer(own, ['ACL', 'SETUSER', 'app', 'on', '>pw', ...rights], ...setting);
    const { url, drop } = await freshSqlite();
    t.after(drop);
    await withServers(async (dir, start) => {
      const redis = new URL(own.url);
      [redis.username, redis.password] = ['app', 'pw'];
      const server = await start({ env: serverEnv(dir, url, { REDIS_URL: redis.href }), dir });
      const http = createHttpClient(server.port);
      try {
        await run(server, async () => (await http.send('GET', '/health/readiness')).body as { status: string });
      } finally {
        http.close();
      }
      const { code, stdout, stderr } = await server.end('SIGTERM');
      assert.deepEqual([code, stderr], [0, '']);
      for (const line of stdout.split('\n')) assert.match(line, /^(\{.*\}|Setup: \S+|)$/, 'all lines are of the log');
      assert.match(stdout, /"msg":"stopped"/);
    });
  });
}

/** Side by side: most of their time they wait for a Redis that does not answer. */
describe('a Redis that restricts its users, is behind TLS, or is silent', { ...LIMIT, concurrency: 2 }, () => {
  test('without INFO, as hosters give it, everything works; its keys and channels begin with ostiary:', (t) =>
    withRights(t, ['~ostiary:*', '~{ostiary-jobs}:*', '&ostiary:*', '+@all', '-@dangerous'], async (server, ready) => {
      await until('it is ready', async () => (await ready()).status === 'ready');
      const isDoubt = ({ level, msg }: { level: string; msg: string }) =>
        (level === 'warn' || level === 'error') && /Redis|library|job/i.test(msg);
      const doubts = linesOf(server).filter(isDoubt);
      assert.deepEqual(doubts, []);
    }));

  test('where no script may run, Redis counts as away: told once, and the server serves and stops', (t) =>
    withRights(t, ['~*', '&*', '+@all', '-@scripting'], async (server, ready) => {
      await until('it is told', () =>
        linesOf(server).some(({ msg }) => msg.startsWith('taking jobs from Redis fails')),
      );
      const { status, checks } = await ready();
      assert.equal(status, 'degraded');
      const { queue, cache } = checks as Record<string, string>;
      assert.deepEqual([queue, cache], ['down', 'down']);
      const told = linesOf(server).filter(({ msg }) => msg.startsWith('taking jobs'));
      assert.equal(told.length, 1);
    }));

  test('one that evicts keys is told, once, by the log', (t) =>
    withRights(
      t,
      ['~*', '&*', '+@all'],
      async (server) => {
        const isTold = ({ msg }: { msg: string }) => /allkeys-lru|Eviction/.test(msg);
        await until('it is told', () => linesOf(server).some(isTold));
        assert.equal(linesOf(server).filter(isTold).length, 1);
      },
      [['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru']],
    ));

  test('a Redis over TLS carries everything, and one whose certificate nobody trusts counts as away', async (t) => {
    const { url, drop } = await freshSqlite();
    t.after(drop);
    await withOwnRedis((own) =>
      withServers(async (dir, start) => {
        const file = (name: string, text: string) => writeFile(join(dir, name), text).then(() => join(dir, name));
        const [key, cert] = [await file('key.pem', LOCALHOST.key), await file('cert.pem', LOCALHOST.cert)];
        const port = await freePort();
        await administer(
          own,
          [
            'CONFIG',
            'SET',
            'tls-key-file',
            key,
            'tls-cert-file',
            cert,
            'tls-ca-cert-file',
            cert,
            'tls-auth-clients',
            'no',
          ],
          ['CONFIG', 'SET', 'tls-port', String(port)],
        );
        const redis = new URL(own.url.replace('redis:', 'rediss:'));
        redis.port = String(port);
        const readinessOf = async (more: Record<string, string>, status: string) => {
          const server = await start({ env: serverEnv(dir, url, { REDIS_URL: redis.href, ...more }), dir });
          const http = createHttpClient(server.port);
          await until(`it is ${status}`, async () => {
            return ((await http.send('GET', '/health/readiness')).body as { status: string }).status === status;
          });
          http.close();
          assert.equal((await server.end('SIGTERM')).code, 0);
        };
        await readinessOf({ NODE_EXTRA_CA_CERTS: await file('ca.pem', AUTHORITY) }, 'ready');
        await readinessOf({}, 'degraded');
      }),
    );
  });

  for (const moment of ['applied \\d+ migrations', 'starting', 'listening on']) {
    test(`a server that is told to stop when it says "${moment}" stops, and its process ends`, async (t) => {
      const { url, drop } = await emptySqlite();
      t.after(drop);
      await withOwnRedis(async (own) => {
        await withServers(async (dir) => {
          // Redis answers nothing meanwhile, as during a failover.
          await administer(own, ['CLIENT', 'PAUSE', '60000']);
          const env = serverEnv(dir, url, { REDIS_URL: own.url });
          const { child, outcome, said } = launch(['serve'], { env, dir });
          const line = new RegExp(`"msg":"${moment}`);
          await until('it says so', () => line.test(said().stdout));
          child.kill('SIGTERM');
          const { code, signal, stdout } = await outcome;
          assert.deepEqual([code, signal], [0, null], stdout);
          assert.match(stdout, /"msg":"stopped"/);
          assert.doesNotMatch(stdout, /does not end by itself/);
        });
      });
    });
  }
});
