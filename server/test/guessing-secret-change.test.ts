import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MINUTE } from '../src/platform/clock.ts';
import { openTestApp, standingClock, type TestApp } from './app.ts';
import { createClient } from './client.ts';
import { testDatabases } from './databases.ts';
import { exhaust, guess, keptOf, LIMITED, logIn, newAccount, newAddress } from './guessers.ts';
import { atOnce, refused, tally } from './scenario.ts';

const A = 'the first secret of thirty-two bytes!';
const B = 'another secret of thirty-two bytes!!!';
const OLD = { SECRET_KEY: A, SECRET_KEY_PREVIOUS: B };
const NEW = { SECRET_KEY: B, SECRET_KEY_PREVIOUS: A };

for (const { name, freshUrl } of testDatabases()) {
  /** Instances on one database, each with its secrets and an empty memory. */
  async function withInstances(run: (start: (env: Record<string, string>) => Promise<TestApp>) => Promise<void>) {
    const { url: databaseUrl, drop } = await freshUrl();
    const time = standingClock();
    const opened: TestApp[] = [];
    try {
      await run(async (secrets) => {
        const t = await openTestApp({ databaseUrl, time, env: { ...LIMITED, ...secrets } });
        opened.push(t);
        return t;
      });
    } finally {
      for (const { close } of opened) await close();
      await drop();
    }
  }

  test(`a change of SECRET_KEY gives no new guesses, at none of its steps (${name})`, () =>
    withInstances(async (start) => {
      const first = await start({ SECRET_KEY: A });
      const { email, password } = await newAccount(first);
      const from = newAddress();
      for (let i = 0; i < 10; i++) await guess(createClient(first), `nobody${i}@example.com`, { from });
      const kept = keptOf(await logIn(createClient(first), { login: email, password, from: newAddress() }));
      assert.equal(await exhaust(createClient(first), email), 5);
      for (const secrets of [OLD, NEW, { SECRET_KEY: B }]) {
        const client = createClient(await start(secrets));
        refused(await guess(client, email), 429, 'rate_limited');
        refused(await guess(client, 'new@example.com', { from }), 429, 'rate_limited');
        const answer = await logIn(client, { login: email, password, from: newAddress(), kept });
        // Its token names the key that it was made with.
        assert.equal(answer.statusCode, 'SECRET_KEY_PREVIOUS' in secrets ? 200 : 429);
      }
    }));

  test(`instances whose secrets differ count together, also at once (${name})`, () =>
    withInstances(async (start) => {
      const { email } = await newAccount(await start({ SECRET_KEY: A }));
      const started = [await start(OLD), await start(NEW)];
      const clients = started.map((t) => createClient(t));
      const rush = () => atOnce(50, (index) => guess(clients[index % 2] ?? assert.fail(), email));
      assert.deepEqual(tally(await rush()), { '401 invalid_credentials': 5, '429 rate_limited': 45 });
      started[0]?.time.forward(2 * MINUTE);
      assert.deepEqual(tally(await rush()), { '401 invalid_credentials': 1, '429 rate_limited': 49 });
    }));
}
