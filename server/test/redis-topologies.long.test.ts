import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { SECOND } from '../src/platform/clock.ts';
import { createClient } from './client.ts';
import { logIn, newAccount, newAddress } from './guessers.ts';
import { trueTime } from './kill/people.ts';
import { withOwnCluster } from './own-cluster.ts';
import { hasOwnRedis } from './own-redis.ts';
import { withOwnSentinel } from './own-sentinel.ts';
import { somebody } from './scenario.ts';
import { type Pair, withPair } from './topology-pair.ts';
import { until } from './until.ts';

/** Milliseconds, as below: within which all works again after its master was killed, and after its lost node is back. */
const WHOLE_AGAIN = 15 * SECOND;
const P99 = 1 * SECOND;
const WORK = 2 * SECOND;
const AWAY = 5 * SECOND;
const EVERY = 25;
const TEST_LIMIT = 180_000;

interface Answer {
  status: number;
  took: number;
}

test('whether there is a redis-server to take masters away from', (t) => {
  t.diagnostic(hasOwnRedis() ? 'there is' : 'there is none: nothing about failovers was shown');
});

const options = { skip: !hasOwnRedis(), timeout: TEST_LIMIT };

test('Sentinel: two masters in turn are killed; requests are answered, counters and jobs go on', options, (t) =>
  withOwnSentinel((redis) =>
    withPair(redis.url, trueTime(), (pair) =>
      underLoad(t, pair, async () => {
        for (const which of ['first', 'second']) {
          await pause(WORK);
          await redis.killMaster();
          await wholeAgain(t, pair, `after the ${which} master was killed`);
          await redis.restart();
        }
      }),
    ),
  ),
);

test(
  'Cluster: a node is killed and comes back empty, then falls silent for a while; requests are answered, counters and jobs go on',
  options,
  (t) =>
    withOwnCluster((redis) =>
      withPair(redis.url, trueTime(), (pair) =>
        underLoad(t, pair, async () => {
          await pause(WORK);
          await redis.killOne();
          await pause(AWAY);
          await redis.restart();
          await wholeAgain(t, pair, 'after the node came back');
          await pause(WORK);
          redis.freezeOne();
          await pause(AWAY);
          await redis.thaw();
          await wholeAgain(t, pair, 'after the node spoke again');
        }),
      ),
    ),
);

/** Signs in, looks, refreshes and signs out on both instances all the while; everything is answered, rightly and soon. */
async function underLoad(t: TestContext, { one, two }: Pair, run: () => Promise<void>): Promise<void> {
  const answers: Answer[] = [];
  const wrong: string[] = [];
  const clients = [createClient(one), createClient(two)];
  const person = await newAccount(one);
  let stopped = false;

  async function ask(what: string, right: number, call: () => ReturnType<typeof logIn>) {
    const began = performance.now();
    const answer = await call();
    answers.push({ status: answer.statusCode, took: performance.now() - began });
    if (answer.statusCode !== right) wrong.push(`${what}: ${answer.statusCode} ${answer.body}`);
    return answer.statusCode < 300 && answer.body !== '' ? answer.json() : {};
  }

  async function visit(turn: number): Promise<void> {
    const client = clients[turn % 2] ?? assert.fail();
    const from = newAddress();
    const headers = { 'x-forwarded-for': from };
    const { email: login, password } = person;
    const more = { tokenTransport: 'body' };
    const { accessToken: token, refreshToken } = await ask('sign in', 200, () =>
      logIn(client, { login, password, from, more }),
    );
    await ask('look', 200, () => client.send('GET', '/users/me', { token, headers }));
    const body = { refreshToken };
    const { accessToken } = await ask('refresh', 200, () => client.send('POST', '/auth/refresh', { body, headers }));
    await ask('sign out', 204, () => client.send('POST', '/auth/logout', { token: accessToken, headers }));
    await ask('look again', 401, () => client.send('GET', '/users/me', { token: accessToken, headers }));
  }

  const visitors = [0, 1].map(async (index) => {
    for (let turn = index; !stopped; turn++) {
      await visit(turn);
      await pause(EVERY);
    }
  });
  try {
    await run();
    await pause(WORK);
  } finally {
    stopped = true;
    await Promise.all(visitors);
  }
  const times = answers.map(({ took }) => took).sort((a, b) => a - b);
  const at = (share: number) => Math.round(times[Math.floor(share * (times.length - 1))] ?? 0);
  t.diagnostic(`${times.length} answers; median ${at(0.5)} ms, p99 ${at(0.99)} ms, the slowest ${at(1)} ms`);
  assert.deepEqual(wrong.slice(0, 10), [], `${wrong.length} wrong answers`);
  assert.ok(at(0.99) < P99, `p99 ${at(0.99)} ms`);
}

/** Waits until both instances share their counters, and a mail that is asked for now has been sent. */
async function wholeAgain(t: TestContext, { one, two, mailsSent }: Pair, when: string): Promise<void> {
  const began = performance.now();
  const since = () => Math.round(performance.now() - began);
  const [here, there] = [createClient(one), createClient(two)];
  const look = async (client: typeof here, from: string) =>
    (await client.send('GET', '/users/me', { headers: { 'x-forwarded-for': from } })).headers['x-ratelimit-remaining'];
  await until('they count together', async () => {
    const from = newAddress();
    await look(here, from);
    await pause(EVERY);
    return (await look(there, from)) === '98';
  });
  const counters = since();
  const { email, password } = somebody();
  const headers = { 'x-forwarded-for': newAddress() };
  const asked = await here.send('POST', '/auth/register', { body: { email, password }, headers });
  assert.equal(asked.statusCode, 202, asked.body);
  await until('the mail has been sent', async () => (await mailsSent()).includes(email));
  t.diagnostic(`${when}: they count together after ${counters} ms, and mail after ${since()} ms`);
  assert.ok(since() < WHOLE_AGAIN);
}
