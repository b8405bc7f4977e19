import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BLIND_AFTER } from '../src/modules/events/eviction-feed.ts';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { testDatabases } from './databases.ts';
import { createHttpClient, type HttpClient } from './kill/http-client.ts';
import { openBeside } from './kill/people.ts';
import { serverEnv, withServers } from './kill/server-process.ts';
import { hasOwnRedis, withOwnRedis } from './own-redis.ts';
import { openWire, type Wire } from './wire.ts';

/** Until this after the last look an instance may go by its memory; then it must not. Milliseconds, as below. */
const BLIND_AT_LAST = BLIND_AFTER + 1_000;
const REVOKED_WITHIN = 1_000;
const AWAY = 10_000;
const BACK_WITHIN = 5_000;
/** What a refusal may take where the database says nothing. */
const ANSWER = 2_500;
const EVERY = 50;
const PASSWORD = 'walks the dog at seven';
const TEST_LIMIT = 180_000;

const postgres = testDatabases().find(({ name }) => name === 'postgres');

test('whether there is a PostgreSQL to lose sight of', (t) => t.diagnostic(postgres ? 'there is' : 'there is none'));

for (const bus of hasOwnRedis() ? [false, true] : [false]) {
  const name = `an instance that cannot see the database ${bus ? 'but hears of changes by Redis' : 'and has no Redis'}`;
  test(
    `${name} goes by its memory no longer than it may, says so, and comes back`,
    {
      skip: !postgres,
      timeout: TEST_LIMIT,
    },
    (t) => (bus ? withOwnRedis(({ url }) => withPair(t, { REDIS_URL: url })) : withPair(t, {})),
  );
}

async function withPair(t: TestContext, more: Record<string, string>): Promise<void> {
  assert.ok(postgres);
  const { url, drop } = await postgres.emptyUrl();
  const direct = new URL(url);
  const wire = await openWire(Number(direct.port));
  const throughWire = new URL(url);
  throughWire.port = String(wire.port);
  try {
    await withServers(async (dir, start) => {
      const beside = await openBeside(url, dir);
      for (const email of ['kept@example.com', 'revoked@example.com']) {
        await beside.app.setup.createUser(SYSTEM_CALLER, { email, password: PASSWORD, superadmin: true });
      }
      await beside.close();
      const seeing = await start({ env: serverEnv(dir, url, more), dir });
      const blind = await start({ env: serverEnv(dir, throughWire.href, more), dir });
      const clients = [seeing, blind].map(({ port }) => createHttpClient(port, { connections: 20 }));
      try {
        await loseSight(t, clients as [HttpClient, HttpClient], wire, 'REDIS_URL' in more);
      } finally {
        for (const client of clients) client.close();
      }
    });
  } finally {
    await wire.close();
    await drop();
  }
}

interface Seen {
  /** Since the wire was cut. */
  asked: number;
  took: number;
  status: number;
}

async function loseSight(
  t: TestContext,
  [here, blind]: [HttpClient, HttpClient],
  wire: Wire,
  hears: boolean,
): Promise<void> {
  const signIn = async (at: HttpClient, name: string) => {
    const body = { login: `${name}@example.com`, password: PASSWORD, tokenTransport: 'body' };
    return at.send('POST', '/auth/login', { body });
  };
  const [kept, revoked] = [
    String((await signIn(here, 'kept')).body.accessToken),
    String((await signIn(here, 'revoked')).body.accessToken),
  ];
  // Answered without a query once it was.
  const look = (at: HttpClient, token: string) => at.send('GET', '/admin/routes', { token });
  const ready = (at: HttpClient) => at.send('GET', '/health/readiness');
  for (const token of [kept, revoked]) assert.equal((await look(blind, token)).status, 200);

  const cutAt = performance.now();
  wire.cut();
  const since = () => performance.now() - cutAt;

  /** Asks again and again until it is over; what was seen, in order. */
  let isOver = false;
  async function watch(ask: () => Promise<{ status: number }>): Promise<Seen[]> {
    const seen: Seen[] = [];
    while (!isOver) {
      const asked = since();
      const { status } = await ask();
      seen.push({ asked, took: since() - asked, status });
      await sleep(EVERY);
    }
    return seen;
  }
  const watching = [
    watch(() => look(blind, kept)),
    watch(() => look(blind, revoked)),
    watch(() => signIn(blind, 'kept')),
    watch(() => ready(blind)),
    watch(() => look(here, kept)),
    watch(() => ready(here)),
  ];
  assert.equal((await here.send('POST', '/auth/logout', { token: revoked })).status, 204);
  const revokedAt = since();
  await sleep(AWAY);
  isOver = true;
  const all = (await Promise.all(watching)) as [Seen[], Seen[], Seen[], Seen[], Seen[], Seen[]];
  const [ofKept, ofRevoked, ofSignIns, ofReadiness, ...others] = all;

  const tally = (seen: Seen[]) =>
    Object.entries(Object.groupBy(seen, ({ status }) => status)).map(([status, some]) => `${some?.length} × ${status}`);
  const lastAdmitted = Math.max(0, ...ofKept.filter(({ status }) => status === 200).map(({ asked }) => asked));
  t.diagnostic(
    `kept: ${tally(ofKept)}, last admitted after ${lastAdmitted.toFixed(0)} ms; revoked: ${tally(ofRevoked)}`,
  );
  t.diagnostic(`sign-ins: ${tally(ofSignIns)}; readiness: ${tally(ofReadiness)}`);
  const slowest = Math.max(...all.flat().map(({ took }) => took));
  t.diagnostic(`the slowest answer took ${slowest.toFixed(0)} ms`);

  assert.ok(ofKept[0]?.status === 200, 'at first it goes by its memory');
  for (const { asked, status } of ofKept) {
    assert.ok(status === 200 || status === 503, `kept: ${status} after ${asked} ms`);
    assert.ok(status === 503 || asked < BLIND_AT_LAST, `by memory after ${asked} ms`);
  }
  for (const { asked, status } of ofRevoked) {
    assert.ok(status === 200 || status === 401 || status === 503, `revoked: ${status}`);
    // Who hears of it must not admit it any more; who hears nothing, no longer than it may go by its memory.
    const bound = hears ? revokedAt + REVOKED_WITHIN : BLIND_AT_LAST;
    assert.ok(status !== 200 || asked < bound, `a session that was ended is admitted after ${asked} ms`);
  }
  assert.ok(
    ofSignIns.every(({ status }) => status === 503),
    `sign-ins: ${tally(ofSignIns)}`,
  );
  assert.ok(
    ofReadiness.every(({ asked, status }) => status === 503 || asked < BLIND_AT_LAST),
    `ready: ${tally(ofReadiness)}`,
  );
  assert.deepEqual((await ready(blind)).body.checks, { database: 'down', ...(hears && { queue: 'up', cache: 'up' }) });
  assert.ok(slowest < ANSWER, `${slowest} ms`);
  for (const seen of others)
    assert.ok(
      seen.every(({ status }) => status === 200),
      `the other one: ${tally(seen)}`,
    );

  wire.mend();
  const mendedAt = performance.now();
  for (;;) {
    const [ofOne, ofOther] = await Promise.all([look(blind, kept), look(blind, revoked)]);
    assert.notEqual(ofOther.status, 200, 'who was signed out meanwhile');
    if (ofOne.status === 200 && ofOther.status === 401 && (await ready(blind)).status === 200) break;
    assert.ok(performance.now() - mendedAt < BACK_WITHIN, `not back: ${ofOne.status}, ${ofOther.status}`);
    await sleep(EVERY);
  }
  t.diagnostic(`back after ${(performance.now() - mendedAt).toFixed(0)} ms`);
  assert.equal((await signIn(blind, 'kept')).status, 200);
}
