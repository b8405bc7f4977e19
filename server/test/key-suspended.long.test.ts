import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BLIND_AFTER } from '../src/modules/events/eviction-feed.ts';
import { SECOND } from '../src/platform/clock.ts';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { testDatabases } from './databases.ts';
import { kidOf } from './key-pair.ts';
import { createHttpClient, type HttpClient, type Reply } from './kill/http-client.ts';
import { openBeside } from './kill/people.ts';
import { serverEnv, withServers } from './kill/server-process.ts';

const BOSS = { email: 'boss@example.com', password: 'walks the dog at seven' };
/** How many requests wait at the socket of the one that sleeps, and come again and again for so long after it wakes. */
const WAITING = 20;
const AFTERWARDS = 2 * SECOND;

const postgres = testDatabases().find(({ name }) => name === 'postgres');

test('whether there is a PostgreSQL for two instances', (t) => t.diagnostic(postgres ? 'there is' : 'there is none'));

test('an instance that was suspended while a key was revoked neither takes nor makes a token of that key', {
  skip: !postgres,
  timeout: 120_000,
}, async (t) => {
  assert.ok(postgres);
  const { url, drop } = await postgres.emptyUrl();
  try {
    await withServers(async (dir, start) => {
      const beside = await openBeside(url, dir);
      await beside.app.setup.createUser(SYSTEM_CALLER, { ...BOSS, superadmin: true });
      await beside.close();
      const env = serverEnv(dir, url);
      const [awake, asleep] = [await start({ env, dir }), await start({ env, dir })];
      const [here, there] = [awake, asleep].map(({ port }) => createHttpClient(port, { connections: 2 * WAITING }));
      assert.ok(here && there);
      try {
        const token = String((await signIn(here)).body.accessToken);
        const use = (at: HttpClient, one: string) => at.send('GET', '/users/me', { token: one });
        assert.equal((await use(there, token)).status, 200);
        // Connections that are open already are served first.
        await Promise.all(Array.from({ length: 2 * WAITING }, () => use(there, token)));

        asleep.signal('SIGSTOP');
        await sleep(BLIND_AFTER + SECOND);
        const revoked = await here.send('POST', `/admin/keys/${kidOf(token)}/revoke`, { token });
        assert.equal(revoked.status, 200);
        assert.equal((await use(here, token)).status, 401);
        const taken = Array.from({ length: WAITING }, () => use(there, token));
        const made = Array.from({ length: WAITING }, () => signIn(there));
        await sleep(100);
        asleep.signal('SIGCONT');
        for (const end = performance.now() + AFTERWARDS; performance.now() < end; ) {
          taken.push(use(there, token));
          made.push(signIn(there));
          await sleep(10);
        }
        const statuses = (replies: Reply[]) => Object.entries(Object.groupBy(replies, ({ status }) => status));
        const count = (replies: Reply[]) =>
          statuses(replies)
            .map(([status, all]) => `${all?.length} × ${status}`)
            .join(', ');
        const answers = [await Promise.all(taken), await Promise.all(made)] as const;
        t.diagnostic(`tokens of the revoked key: ${count(answers[0])}; sign-ins: ${count(answers[1])}`);
        assert.deepEqual(
          answers[0].filter(({ status }) => status !== 401 && status !== 503),
          [],
        );
        for (const { status, body } of answers[1]) {
          assert.ok(status === 200 || status === 503, String(status));
          if (status === 200) assert.notEqual(kidOf(String(body.accessToken)), kidOf(token));
        }
        const fresh = String((await signIn(there)).body.accessToken);
        for (const at of [here, there]) assert.equal((await use(at, fresh)).status, 200);
      } finally {
        for (const client of [here, there]) client.close();
      }
    });
  } finally {
    await drop();
  }
});

const signIn = (at: HttpClient) =>
  at.send('POST', '/auth/login', { body: { login: BOSS.email, password: BOSS.password, tokenTransport: 'body' } });
