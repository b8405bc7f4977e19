import assert from 'node:assert/strict';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { HOUR } from '../src/platform/clock.ts';
import { FIREFOX } from './client.ts';
import { testDatabases } from './databases.ts';
import { ostiary, type ServerProcess, serverEnv, withServers } from './kill/server-process.ts';
import { hasOwnRedis, type OwnRedis, withOwnRedis } from './own-redis.ts';

const CLIENTS = 1000;
/** Guesses that are under way at a time. */
const AT_ONCE = 12;
/** So many times as fast the clock runs: its hour takes 45 seconds. */
const SPEED = 80;
/** Of the owner's sign-ins, in milliseconds of the true time, and how long one may take on a busy machine. */
const OWNER_PAUSE = 1500;
const OWNER_LIMIT = 10_000;
const TEST_LIMIT = 300_000;
const PASSWORD = 'walks the dog at seven';
const OWNER = { email: 'owner@example.com', username: 'owner' };

interface Reply {
  status: number;
  device: string | null;
}

/** A sign-in from one of the addresses of this machine, on a connection of its own. Rejects where nobody listens. */
function logIn(port: number, from: string, login: string, password: string, device: string | null = null) {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const body = JSON.stringify({ login, password });
  const headers = {
    'user-agent': FIREFOX,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(device && { cookie: device }),
  };
  const where = { host: '127.0.0.1', port, localAddress: from, method: 'POST', path: '/api/v1/auth/login' };
  const call = request({ ...where, headers, agent: false, timeout: 30_000 }, (response) => {
    const cookies = response.headers['set-cookie'] ?? [];
    const kept = cookies.find((cookie) => cookie.startsWith('ostiary-device='));
    response.resume();
    response.on('error', reject);
    response.on('end', () => resolve({ status: response.statusCode ?? 0, device: kept?.split(';', 1)[0] ?? null }));
  });
  call.on('timeout', () => call.destroy(new Error('no answer')));
  call.on('error', reject);
  call.end(body);
  return promise;
}

const addressOf = (client: number) => `127.${1 + (client >> 16)}.${(client >> 8) & 255}.${client & 255}`;

test('whether there are PostgreSQL and Redis for an hour of guessing', (t) => {
  const postgres = testDatabases().some(({ name }) => name === 'postgres');
  t.diagnostic(`PostgreSQL: ${postgres ? 'yes' : 'NO'}; Redis: ${hasOwnRedis() ? 'yes' : 'NO'}`);
});

const CASES: Record<string, (s: { redis: OwnRedis; restart(): Promise<void> }) => Promise<void>> = {
  'nothing else happens': async () => {},
  'Redis is flushed in the middle': ({ redis }) => redis.flush(),
  'the process is killed and started again in the middle': ({ restart }) => restart(),
};

for (const { emptyUrl } of hasOwnRedis() ? testDatabases().filter(({ name }) => name === 'postgres') : []) {
  for (const [what, happens] of Object.entries(CASES)) {
    test(
      `an hour of guesses from ${CLIENTS} addresses; ${what}: at most 20 are looked at, and the owner signs in`,
      {
        timeout: TEST_LIMIT,
      },
      (t) =>
        withOwnRedis(async (redis) => {
          const { url, drop } = await emptyUrl();
          try {
            await withServers(async (dir, startServer) => {
              const env = serverEnv(dir, url, { REDIS_URL: redis.url, RATE_LIMITS: 'on' });
              const { email, username } = OWNER;
              const create = ['user', 'create', '--email', email, '--username', username];
              const made = await ostiary(create, { env: { ...env, OSTIARY_PASSWORD: PASSWORD }, dir });
              assert.equal(made.code, 0, made.stderr);

              const began = Date.now();
              const fast = { FAST_CLOCK_BEGAN: String(began), FAST_CLOCK_SPEED: String(SPEED) };
              const bin = join(import.meta.dirname, 'kill/fast-clock-server.ts');
              const start = (port: number) => startServer({ env: { ...env, ...fast, PORT: String(port) }, dir, bin });
              let server: ServerProcess = await start(0);
              const { port } = server;
              const { status, device } = await logIn(port, '127.9.9.9', email, PASSWORD);
              assert.equal(status, 200);
              assert.ok(device);

              const statuses: Record<string, number> = {};
              const from = Date.now();
              const isOver = () => (Date.now() - from) * SPEED >= HOUR;
              let isDown = false;
              let made401 = 0;
              let next = 0;

              async function guesser(): Promise<void> {
                while (!isOver()) {
                  const guess = next++;
                  const login = guess % 2 ? email : username;
                  const asked = logIn(port, addressOf(guess % CLIENTS), login, `guess number ${guess}`);
                  const answer = await asked.catch(async (error: Error) => {
                    // While it is away there is nothing to be had.
                    assert.ok(isDown, error.message);
                    await sleep(50);
                    return null;
                  });
                  if (answer === null) continue;
                  statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
                  made401 += Number(answer.status === 401);
                }
              }

              let signIns = 0;
              async function owner(): Promise<void> {
                for (; !isOver(); await sleep(OWNER_PAUSE)) {
                  if (isDown) continue;
                  const asked = performance.now();
                  // In turn by each login, and from addresses that strangers guess from, too.
                  const login = signIns % 2 ? email : username;
                  const answer = await logIn(port, addressOf(signIns), login, PASSWORD, device).catch(
                    (error: Error) => {
                      assert.ok(isDown, error.message);
                      return null;
                    },
                  );
                  if (answer === null) continue;
                  assert.equal(answer.status, 200, 'the owner signs in');
                  assert.ok(performance.now() - asked < OWNER_LIMIT);
                  signIns += 1;
                }
              }

              async function middle(): Promise<void> {
                await sleep(HOUR / SPEED / 2);
                await happens({
                  redis,
                  async restart() {
                    isDown = true;
                    await server.end('SIGKILL');
                    server = await start(port);
                    isDown = false;
                  },
                });
              }

              await Promise.all([owner(), middle(), ...Array.from({ length: AT_ONCE }, guesser)]);
              t.diagnostic(
                `${next} guesses, ${made401} looked at, ${signIns} sign-ins of the owner, ${JSON.stringify(statuses)}`,
              );
              assert.ok(next >= 2 * CLIENTS, `${next} guesses in the hour: too few to show anything`);
              assert.ok(made401 <= 20, `${made401} guesses were looked at`);
              assert.ok(made401 >= 10, 'and some were');
              assert.deepEqual(Object.keys(statuses).sort(), ['401', '429']);
              assert.ok(signIns >= 5);
            });
          } finally {
            await drop();
          }
        }),
    );
  }
}
