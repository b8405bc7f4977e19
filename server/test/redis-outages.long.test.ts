import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { createMailbox } from '../src/platform/mail/mailbox.ts';
import { testDatabases } from './databases.ts';
import { LIMITED, newAddress } from './guessers.ts';
import { createHttpClient, type HttpClient } from './kill/http-client.ts';
import { openBeside } from './kill/people.ts';
import { serverEnv, withServers } from './kill/server-process.ts';
import { hasOwnRedis, type OwnRedis, withOwnRedis } from './own-redis.ts';

/** How long each state of Redis lasts, and what is given to instances to notice it. Milliseconds, as below. */
const STATE = 5_000;
const NOTICED = 1_500;
const P99 = 1_000;
/** What only Redis knew is enqueued again within a minute or two. */
const DELIVERED = 180_000;
/** The development mailbox keeps 500 mails. */
const NEWCOMER_EVERY = 200;
/** The limit of a client, and more requests than that. */
const POINTS = 100;
const FLOOD = 150;
/** Guesses at one account that are looked at, wherever they come from. */
const GUESSES = 5;
const PASSWORD = 'walks the dog at seven';
const TEST_LIMIT = 400_000;

const postgres = testDatabases().find(({ name }) => name === 'postgres');
const isPossible = postgres !== undefined && hasOwnRedis();

test('whether there are a PostgreSQL and a redis-server for limits and mails through outages', (t) => {
  t.diagnostic(isPossible ? 'there are' : 'there are not: nothing about limits and mails through outages was shown');
});

test('Redis emptied, killed and silent: nobody is without a limit, and every mail comes', {
  skip: !isPossible,
  timeout: TEST_LIMIT,
}, async (t) => {
  assert.ok(postgres);
  const { url, drop } = await postgres.emptyUrl();
  try {
    await withOwnRedis((redis) =>
      withServers(async (dir, start) => {
        const env = serverEnv(dir, url, { ...LIMITED, REDIS_URL: redis.url });
        const servers = [await start({ env, dir }), await start({ env, dir })];
        const clients = servers.map(({ port }) => createHttpClient(port, { connections: 20 }));
        const beside = await openBeside(url, dir);
        const accounts: string[] = [];
        for (let i = 0; i < STATES.length; i++) {
          const email = `victim${i}@example.com`;
          await beside.app.setup.createUser(SYSTEM_CALLER, { email, password: PASSWORD, superadmin: false });
          accounts.push(email);
        }
        await beside.close();
        try {
          await go(t, clients as [HttpClient, HttpClient], redis, accounts);
          const mailbox = createMailbox({ dir: join(dir, 'mailbox'), clock: () => new Date() });
          await checkMails(t, async () => (await mailbox.list()).map(({ to }) => to));
        } finally {
          for (const client of clients) client.close();
        }
      }),
    );
  } finally {
    await drop();
  }
});

/** What Redis does, what `/ready` then says, and how many counters a client has. */
const STATES: { name: string; begin: (redis: OwnRedis) => unknown; readiness: string; counters: number }[] = [
  { name: 'as always', begin: () => {}, readiness: 'ready', counters: 1 },
  { name: 'emptied', begin: (redis) => redis.flush(), readiness: 'ready', counters: 1 },
  { name: 'gone', begin: (redis) => redis.stop(), readiness: 'degraded', counters: 2 },
  { name: 'back, and empty', begin: (redis) => redis.start(), readiness: 'ready', counters: 1 },
  { name: 'silent', begin: (redis) => redis.freeze(), readiness: 'degraded', counters: 2 },
  { name: 'speaking again', begin: (redis) => redis.thaw(), readiness: 'ready', counters: 1 },
];

/** Addresses to which a mail was promised. */
const promised = new Set<string>();

async function go(t: TestContext, both: [HttpClient, HttpClient], redis: OwnRedis, accounts: string[]): Promise<void> {
  const times: number[] = [];
  async function ask(at: number, method: string, path: string, options: { body?: unknown; from: string }) {
    const headers = { 'x-forwarded-for': options.from };
    const began = performance.now();
    const reply = await (both[at % 2] ?? assert.fail()).send(method, path, { body: options.body, headers });
    times.push(performance.now() - began);
    assert.ok(reply.status < 500, `${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.status;
  }

  let isOver = false;
  const newcomers = [0, 1].map(async (index) => {
    for (let i = index; !isOver; i += 2) {
      const email = `newcomer${i}@example.com`;
      const status = await ask(i, 'POST', '/auth/register', {
        body: { email, password: PASSWORD },
        from: newAddress(),
      });
      assert.equal(status, 202);
      promised.add(email);
      await sleep(NEWCOMER_EVERY);
    }
  });

  /** How many requests of one client each instance lets in. */
  async function flood(): Promise<number> {
    const from = newAddress();
    const path = '/users/me';
    const all = await Promise.all(Array.from({ length: 2 * FLOOD }, (_, i) => ask(i, 'GET', path, { from })));
    assert.ok(all.every((status) => status === 401 || status === 429));
    return all.filter((status) => status === 401).length;
  }

  /** How many wrong passwords for one account are looked at, from clients that nobody knows. */
  async function guessAll(login: string): Promise<number> {
    const statuses: number[] = [];
    for (let i = 0; i < 4 * GUESSES; i++) {
      const body = { login, password: `guess ${i}`, tokenTransport: 'body' };
      statuses.push(await ask(i, 'POST', '/auth/login', { body, from: newAddress() }));
    }
    assert.ok(statuses.every((status) => status === 401 || status === 429));
    return statuses.filter((status) => status === 401).length;
  }

  try {
    for (const [i, { name, begin, readiness, counters }] of STATES.entries()) {
      await begin(redis);
      const until = sleep(STATE);
      await sleep(NOTICED);
      const admitted = await flood();
      const guesses = await guessAll(accounts[i] ?? assert.fail());
      await Promise.race([until, Promise.all(newcomers)]);
      const ready = await Promise.all(both.map((client) => client.send('GET', '/health/readiness')));
      times.sort((a, b) => a - b);
      const p99 = times[Math.floor(0.99 * (times.length - 1))] ?? 0;
      t.diagnostic(
        `${name}: ${admitted} of ${2 * FLOOD} requests of a client let in, ${guesses} guesses looked at; ` +
          `${times.length} answers, p99 ${p99.toFixed(0)} ms, the slowest ${times.at(-1)?.toFixed(0)} ms`,
      );
      assert.ok(admitted <= counters * POINTS, `${name}: ${admitted} let in`);
      assert.ok(admitted >= POINTS, `${name}: only ${admitted} let in`);
      assert.equal(guesses, GUESSES, name);
      assert.ok(p99 < P99, `${name}: p99 ${p99} ms`);
      for (const { status, body } of ready) assert.deepEqual([status, body.status], [200, readiness], name);
      times.length = 0;
    }
  } finally {
    isOver = true;
  }
  await Promise.all(newcomers);
}

async function checkMails(t: TestContext, sentTo: () => Promise<string[]>): Promise<void> {
  const began = performance.now();
  const missing = async () => {
    const sent = new Set(await sentTo());
    return [...promised].filter((email) => !sent.has(email));
  };
  const owed = (await missing()).length;
  while ((await missing()).length > 0 && performance.now() - began < DELIVERED) await sleep(500);
  assert.deepEqual(await missing(), [], 'promised and never sent');
  const counts = new Map<string, number>();
  for (const to of await sentTo()) counts.set(to, (counts.get(to) ?? 0) + 1);
  const twice = [...counts.values()].filter((count) => count > 1).length;
  const took = Math.round(performance.now() - began);
  t.diagnostic(`${promised.size} mails promised; ${owed} still owed at the end came within ${took} ms; ${twice} twice`);
}
