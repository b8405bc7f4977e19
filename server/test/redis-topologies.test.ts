import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { MINUTE } from '../src/platform/clock.ts';
import { createBus } from '../src/platform/redis/bus.ts';
import { connectRedis } from '../src/platform/redis/connect.ts';
import { standingClock, type TestApp } from './app.ts';
import { createClient, ok } from './client.ts';
import { guess, newAddress } from './guessers.ts';
import { withOwnCluster } from './own-cluster.ts';
import { hasOwnRedis } from './own-redis.ts';
import { withOwnSentinel } from './own-sentinel.ts';
import { atOnce, refused, somebody, tally } from './scenario.ts';
import { type Pair, withPair } from './topology-pair.ts';
import { until } from './until.ts';

const TOPOLOGIES = { Sentinel: withOwnSentinel, Cluster: withOwnCluster };
/** The limit of a client, and more requests than that. */
const POINTS = 100;
const REQUESTS = 120;
const WAVE = 10;
const KEYS = 30;

test('whether there is a redis-server to try Sentinel and Cluster on', (t) => {
  t.diagnostic(hasOwnRedis() ? 'there is' : 'there is none: nothing about Sentinel and Cluster was shown');
});

for (const [name, withTopology] of Object.entries(TOPOLOGIES)) {
  test(`two instances over Redis ${name}`, { skip: !hasOwnRedis() }, (t) =>
    withTopology(({ url }) => withPair(url, standingClock(), (pair) => tryAll(t, pair))),
  );
}

async function tryAll(t: TestContext, { redisUrl, databaseUrl, one, two, waiting }: Pair): Promise<void> {
  const [here, there] = [createClient(one), createClient(two)];

  /** A bus of this test's own, beside those of the instances. */
  async function withBus(run: (heard: string[], publish: (message: string) => void) => Promise<void>): Promise<void> {
    const space = `ostiary:${await one.app.storage.installation.find()}`;
    const redis = connectRedis(redisUrl, { onAway: () => {}, onBack: () => {}, space });
    const heard: string[] = [];
    let gaps = 0;
    const onGap = () => {
      gaps += 1;
    };
    const bus = createBus({ redis, onMessage: (message) => heard.push(message), onGap });
    try {
      await until('it listens', () => gaps >= 2 && redis.hasty.status === 'ready');
      await run(heard, bus.publish);
    } finally {
      bus.close();
      await redis.close();
    }
  }

  await t.test('mails are jobs that run; a session of one is a session of the other', async () => {
    const person = somebody();
    const { accessToken: token } = await here.register(person);
    ok(await there.send('GET', '/users/me', { token }), 200);
    ok(await here.send('GET', '/users/me', { token: (await there.login(person)).accessToken }), 200);
    assert.ok((await two.app.queue.status('mail.send')).counts.completed > 0);
  });

  await t.test('both count the requests of a client together, also at once', async () => {
    const exact = { '401 unauthenticated': POINTS, '429 rate_limited': REQUESTS - POINTS };
    let counted: Record<string, number> = {};
    // On a busy machine Redis may answer later than it is waited for, and then each counts for itself: another client is counted anew.
    for (let tries = 0; tries < 4 && !isDeepStrictEqual(counted, exact); tries++) {
      const from = newAddress();
      const answers = [];
      for (let sent = 0; sent < REQUESTS; sent += WAVE) {
        const wave = await atOnce(WAVE, (i) =>
          (i % 2 ? here : there).send('GET', '/users/me', { headers: { 'x-forwarded-for': from } }),
        );
        answers.push(...wave);
      }
      counted = tally(answers);
    }
    assert.deepEqual(counted, exact);
  });

  await t.test('a guesser cannot turn to the other one', async () => {
    const { email } = somebody();
    const from = newAddress();
    const answers = [];
    for (let i = 0; i < 8; i++) answers.push(await guess(i % 2 ? here : there, email, { from }));
    assert.equal(answers.filter(({ statusCode }) => statusCode === 401).length, 5);
    refused(answers.at(-1) ?? assert.fail(), 429, 'rate_limited');
  });

  await t.test('what one of them revokes is told, and what is told is heard', async () => {
    const person = somebody();
    const { accessToken: token, session } = await here.register(person);
    await withBus(async (heard) => {
      ok(await here.send('POST', '/auth/logout', { token }), 204);
      await until('it is told', () => heard.includes(`session:${session.id}`));
    });
    const second = await here.login(person);
    const asks = () => there.send('GET', '/users/me', { token: second.accessToken });
    ok(await asks(), 200);
    const database = new DatabaseSync(databaseUrl.replace('sqlite:', ''));
    const remove = database.prepare('delete from sessions where id = ?');
    // The servers of this process hold the lock of their file for a turn of the loop; waiting for it would keep them from letting go.
    await until('the file is not locked', () => {
      try {
        return remove.run(second.session.id).changes === 1;
      } catch {
        return false;
      }
    });
    database.close();
    // Nothing but the bus tells of it: that is no change that the feed knows.
    await two.app.pollEvictions();
    ok(await asks(), 200);
    await withBus(async (_heard, publish) => {
      publish(`session:${second.session.id}`);
      await until('the other one has heard it', async () => (await asks()).statusCode === 401);
    });
  });

  await t.test('a job is cancelled from the other instance', async () => {
    const id = await one.app.jobs.enqueue('test.waits', {});
    await until('it runs', () => waiting.includes(id));
    assert.equal(await two.app.queue.cancel(id), true);
    await until('it is cancelled', async () => (await one.app.queue.find(id))?.state === 'cancelled');
  });

  await t.test('they remember and forget together, whichever node a key lies on', async () => {
    const keys = Array.from({ length: KEYS }, (_, i) => `key ${i}`);
    for (const key of keys) {
      const ask = async ({ app }: TestApp) => {
        let isLoaded = false;
        await app.cache.remember(key, MINUTE, async () => {
          isLoaded = true;
          return key;
        });
        return isLoaded;
      };
      assert.equal(await ask(one), true);
      await until('both remember', async () => !(await ask(two)));
      await two.app.cache.forget(key);
      assert.equal(await ask(one), true);
    }
  });
}
