import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HOUR, MINUTE } from '../src/platform/clock.ts';
import { openTestApp, standingClock, type TestApp } from './app.ts';
import { createClient, ok } from './client.ts';
import { testDatabases } from './databases.ts';
import { encrypt, publicKeys } from './encryption.ts';
import { withOwnRedis } from './own-redis.ts';
import { refused, somebody } from './scenario.ts';
import { withPair } from './topology-pair.ts';
import { until } from './until.ts';

const person = somebody();

/** Signs in on an instance with what was encrypted. */
const logIn = (t: TestApp, encryptedPassword: string) =>
  createClient(t).send('POST', '/auth/login', {
    body: { login: person.email, encryptedPassword, tokenTransport: 'body' },
  });

/** What works once, with a key and a nonce of this instance. */
const sealed = async (t: TestApp) => encrypt(person.password, await publicKeys({ client: createClient(t) }));

for (const { name, freshUrl } of testDatabases()) {
  test(`with clocks two minutes apart a nonce serves once, for as long as the slowest clock lets it (${name})`, async () => {
    const { url: databaseUrl, drop } = await freshUrl();
    const opened: TestApp[] = [];
    try {
      for (const offset of [MINUTE, -MINUTE]) {
        const time = standingClock();
        time.forward(offset);
        opened.push(await openTestApp({ databaseUrl, time }));
      }
      const [ahead = assert.fail(), behind = assert.fail()] = opened;
      await createClient(ahead).register(person);
      const [used, unused] = [await sealed(ahead), await sealed(ahead)];
      const ofBehind = await sealed(behind);
      ok(await logIn(ahead, used), 200);
      for (const t of opened) t.time.forward(6 * MINUTE);
      await ahead.app.storage.nonces.purge(new Date(ahead.time.now.getTime() - HOUR), 1000);
      refused(await logIn(behind, used), 400, 'nonce_invalid');
      refused(await logIn(ahead, unused), 400, 'nonce_invalid');
      ok(await logIn(behind, unused), 200);
      for (const t of opened) refused(await logIn(t, ofBehind), 400, 'nonce_invalid');
    } finally {
      for (const t of opened.reverse()) await t.close();
      await drop();
    }
  });
}

describe('encrypted passwords beside Redis', () => {
  test('whatever becomes of Redis, what was used is used, and what is new works', { timeout: 90_000 }, () =>
    withOwnRedis((redis) =>
      withPair(redis.url, standingClock(), async ({ one, two }) => {
        await createClient(one).register(person);
        const used: string[] = [];
        const check = async (what: string) => {
          for (const t of [one, two]) {
            for (const jwe of used) assert.equal((await logIn(t, jwe)).json().code, 'nonce_invalid', what);
            // The limits of this route count accounts by the minute.
            one.time.forward(MINUTE / 2);
          }
          const fresh = await sealed(one);
          const answer = await logIn(two, fresh);
          assert.equal(answer.statusCode, 200, `${what}: ${answer.body}`);
          used.splice(0, used.length, fresh);
        };
        await check('at first');
        await redis.flush();
        await check('flushed');
        await redis.stop();
        await check('away');
        await redis.start();
        await redis.flush();
        await check('back, and empty');
        await check('again');
        for (const { app } of [one, two]) {
          await until('it is ready', async () => (await app.http.inject('/ready')).json().status === 'ready');
        }
      }),
    ),
  );
});
