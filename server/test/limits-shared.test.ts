import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LightMyRequestResponse } from 'fastify';
import { MINUTE } from '../src/platform/clock.ts';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { openTestApp, standingClock, type TestApp } from './app.ts';
import { createClient, ok, type SignedInBody } from './client.ts';
import { testDatabases } from './databases.ts';
import { guess, keptOf, LIMITED, logIn, newAccount, newAddress } from './guessers.ts';
import { hasOwnRedis, type OwnRedis, withOwnRedis } from './own-redis.ts';
import { atOnce, type Client, refused, somebody, tally } from './scenario.ts';

interface Pair {
  redis: OwnRedis;
  one: TestApp;
  two: TestApp;
  /** A client of each instance. */
  clients: readonly [Client, Client];
  time: TestApp['time'];
  /** Until both instances share what they count again. */
  untilShared(): Promise<void>;
}

const PATIENCE = 20_000;

/** PostgreSQL where there is one: two writers in one process hold each other up on SQLite, which has one lock for all. */
const database = testDatabases().find(({ name }) => name === 'postgres') ?? testDatabases()[0];

/** Two instances on one database and one Redis, both of which are gone afterwards. */
function withPair(run: (pair: Pair) => Promise<void>, env: Record<string, string> = {}): Promise<void> {
  return withOwnRedis(async (redis) => {
    assert.ok(database);
    const { url: databaseUrl, drop } = await database.freshUrl();
    const time = standingClock();
    const opened: TestApp[] = [];
    try {
      const shared = { ...LIMITED, REDIS_URL: redis.url, ...env };
      for (let i = 0; i < 2; i++) opened.push(await openTestApp({ databaseUrl, time, env: shared }));
      const [one, two] = opened as [TestApp, TestApp];
      const clients = [createClient(one), createClient(two)] as const;
      const untilShared = () => sharing(clients);
      await untilShared();
      await run({ redis, one, two, clients, time, untilShared });
    } finally {
      for (const { close } of opened) await close();
      await drop();
    }
  });
}

/** One request at each instance of a client that is new; shared, the second one sees the first. */
async function sharing([one, two]: readonly [Client, Client]): Promise<void> {
  for (const end = performance.now() + PATIENCE; performance.now() < end; ) {
    const headers = { 'x-forwarded-for': newAddress() };
    for (const client of [one, two, one]) {
      const answer = await client.send('GET', '/users/me', { headers });
      if (client === one && answer.headers['x-ratelimit-remaining'] === '97') return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail('the instances share no counter');
}

const noneFailed = (answers: LightMyRequestResponse[]) =>
  assert.deepEqual(
    answers.filter(({ statusCode }) => statusCode >= 500).map(({ body }) => body),
    [],
  );

test('whether there is a redis-server to try shared limits on', (t) => {
  t.diagnostic(hasOwnRedis() ? 'there is' : 'there is none: nothing about limits that instances share was shown');
});

describe('two instances with one Redis', { skip: !hasOwnRedis() }, () => {
  /** How many requests of one client are let in, sent to both in turn. */
  async function admittedOf({ clients }: Pair, times: number, from: string): Promise<number> {
    const answers = [];
    for (let i = 0; i < times; i++) {
      const client = clients[i % 2] ?? assert.fail();
      answers.push(await client.send('GET', '/users/me', { headers: { 'x-forwarded-for': from } }));
    }
    noneFailed(answers);
    return answers.filter(({ statusCode }) => statusCode === 401).length;
  }

  test('count the requests of a client together', () =>
    withPair(async (pair) => {
      assert.equal(await admittedOf(pair, 120, newAddress()), 100);
    }));

  test('count the requests of a guest together, also at once', () =>
    withPair(async ({ one, clients }) => {
      const [root, guest] = [somebody(), await newAccount(one)];
      await one.app.setup.createUser(SYSTEM_CALLER, { ...root, superadmin: true });
      const { accessToken: admins } = await clients[0].login(root);
      const roles = { token: admins, body: { roles: ['guest'] } };
      ok(await clients[0].send('PUT', `/admin/users/${guest.id}/roles`, roles), 200);
      const { accessToken: token } = await clients[0].login(guest);
      const ask = (i: number) =>
        (clients[i % 2] ?? assert.fail()).send('GET', '/users/me', {
          token,
          headers: { 'x-forwarded-for': newAddress() },
        });
      assert.deepEqual(tally(await atOnce(50, ask)), { '200': 24, '429 rate_limited': 26 });
    }));

  test('five right passwords a minute from one client for one account', () =>
    withPair(async ({ one, clients }) => {
      const { email: login, password } = await newAccount(one);
      const from = newAddress();
      const answers = await inTurn(clients, 10, (client) => logIn(client, { login, password, from }));
      assert.deepEqual(tally(answers), { '200': 5, '429 rate_limited': 5 });
    }));

  test('guesses at one account: five at once on both, and an unlock on either frees it on both', () =>
    withPair(async ({ one, clients, time }) => {
      const owner = await newAccount(one);
      const root = somebody();
      await one.app.setup.createUser(SYSTEM_CALLER, { ...root, superadmin: true });
      const { accessToken: token } = await clients[0].login(root);
      const from = newAddress();
      for (let times = 0; times < 2; times++) {
        const answers = await atOnce(50, (i) => guess(clients[i % 2] ?? assert.fail(), owner.email));
        assert.deepEqual(tally(answers), { '401 invalid_credentials': 5, '429 rate_limited': 45 });
        for (const client of clients) {
          refused(await logIn(client, { login: owner.email, password: owner.password, from }), 429, 'rate_limited');
        }
        const [admins] = [clients[times] ?? assert.fail()];
        ok(await admins.send('POST', `/admin/users/${owner.id}/unlock`, { token }), 200);
        for (const client of clients)
          ok(await logIn(client, { login: owner.email, password: owner.password, from }), 200);
        time.forward(MINUTE);
      }
    }));

  test('a password that is sprayed on one is known on the other', () =>
    withPair(async ({ clients: [one, two] }) => {
      const password = 'Summer2026! and more';
      for (let i = 0; i < 10; i++) await guess(one, `sprayed${i}@example.com`, { password });
      refused(await guess(two, 'another@example.com', { password }), 429, 'rate_limited');
    }));

  for (const [how, takeAway] of [
    ['stopped', (redis: OwnRedis) => redis.stop()],
    ['flushed', (redis: OwnRedis) => redis.flush()],
    ['silent', async (redis: OwnRedis) => redis.freeze()],
  ] as const) {
    // Every question that Redis leaves open costs a quarter of a second.
    const when = how === 'silent' ? 48 : 10;
    test(`Redis ${how} in the middle gives no more guesses, fails nothing, and keeps no owner out`, () =>
      withPair(async ({ redis, one, clients, time }) => {
        const owner = await newAccount(one);
        const asked = { login: owner.email, password: owner.password };
        const kept = keptOf(
          await logIn(clients[0], { ...asked, from: newAddress(), more: { tokenTransport: 'body' } }),
        );
        let evaluated = 0;
        let isAway = false;
        const answers: LightMyRequestResponse[] = [];
        try {
          for (let minute = 0; minute < 60; minute += 2) {
            if (minute === when) {
              await takeAway(redis);
              isAway = how === 'stopped';
            }
            const guesses = await inTurn(clients, 4, (client) => guess(client, owner.email));
            evaluated += guesses.filter(({ statusCode }) => statusCode === 401).length;
            answers.push(...guesses);
            time.forward(2 * MINUTE);
            if (minute % 10 === 0) answers.push(ok200(await logIn(clients[1], { ...asked, from: newAddress(), kept })));
          }
          noneFailed(answers);
          assert.equal(evaluated, 10);
        } finally {
          // Workers wait for it when they are closed, also when something went wrong before.
          redis.thaw();
          if (isAway) await redis.start();
        }
      }));
  }

  test('while Redis is away each counts for itself, and together again when it is back', () =>
    withPair(async (pair) => {
      const { redis } = pair;
      await redis.stop();
      const admitted = await admittedOf(pair, 220, newAddress()).finally(() => redis.start());
      assert.equal(admitted, 200);
      await pair.untilShared();
      assert.equal(await admittedOf(pair, 120, newAddress()), 100);
    }));

  test('who was refused stays refused through a flush', () =>
    withPair(async (pair) => {
      const from = newAddress();
      assert.equal(await admittedOf(pair, 210, from), 100);
      await pair.redis.flush();
      assert.equal(await admittedOf(pair, 10, from), 0);
    }));

  test('a flush makes nobody forget that an account needs proofs', () =>
    withPair(
      async ({ redis, one, clients }) => {
        const { email } = await newAccount(one);
        assert.deepEqual(tally(await inTurn(clients, 3, (client) => guess(client, email))), {
          '401 invalid_credentials': 3,
        });
        await redis.flush();
        const answers = await inTurn(clients, 6, (client) => guess(client, email));
        assert.deepEqual(tally(answers), { '403 proof_required': 6 });
      },
      { PROOF_OF_WORK: 'on' },
    ));

  async function inTurn<T>(
    clients: readonly Client[],
    times: number,
    call: (client: Client) => Promise<T>,
  ): Promise<T[]> {
    const results: T[] = [];
    for (let i = 0; i < times; i++) results.push(await call(clients[i % clients.length] ?? assert.fail()));
    return results;
  }

  const ok200 = (answer: LightMyRequestResponse) => {
    ok<SignedInBody>(answer, 200);
    return answer;
  };
});
