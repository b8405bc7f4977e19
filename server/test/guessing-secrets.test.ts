import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import crypto, { createHash } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { describe, test } from 'node:test';
import type { LightMyRequestResponse } from 'fastify';
import { HOUR, MINUTE } from '../src/platform/clock.ts';
import { makeEvent } from './fixtures.ts';
import { exhaust, guess, keptOf, LIMITED, logIn, newAccount, newAddress } from './guessers.ts';
import { hasOwnRedis, withOwnRedis } from './own-redis.ts';
import { solve } from './puzzles.ts';
import { atOnce, type Problem, type Scene, somebody, withScene } from './scenario.ts';
import { everything, withWatchedScene } from './watched-app.ts';

/** What an answer says, without what differs from any answer to the next. */
function sayingOf({ statusCode, headers, body }: LightMyRequestResponse) {
  const { requestId: _id, puzzle, ...problem } = JSON.parse(body) as Problem;
  const { 'x-request-id': _own, date: _date, ...shown } = headers;
  // By its own clock: how much of the client's minute is left.
  for (const name of ['ratelimit', 'x-ratelimit-reset']) shown[name] = typeof shown[name];
  return { statusCode, shown, problem, puzzle: puzzle && { ...puzzle, challenge: puzzle.challenge.length } };
}

async function disable({ app, time }: Scene, id: string): Promise<void> {
  const { version } = (await app.storage.users.find(id)) ?? assert.fail();
  const change = { status: 'disabled' as const, sessionEpoch: 1 };
  const event = makeEvent(`user:${id}`, { pending: false });
  assert.equal(await app.storage.users.setStatus({ id, version, now: time.now }, change, event), 'ok');
}

/** Runs something and counts the calls of every store that it leads to; not those of relays and workers, which go on beside it. */
function watchStores({ app }: Scene) {
  const context = new AsyncLocalStorage<Record<string, number>>();
  for (const [name, store] of Object.entries(app.storage) as [string, Record<string, unknown>][]) {
    for (const [verb, original] of Object.entries(store)) {
      if (typeof original !== 'function') continue;
      store[verb] = (...args: unknown[]) => {
        const calls = context.getStore();
        // The owner is told after the answer.
        if (calls && name !== 'events') calls[`${name}.${verb}`] = (calls[`${name}.${verb}`] ?? 0) + 1;
        return original(...args);
      };
    }
  }
  return async <T>(run: () => Promise<T>) => {
    const calls: Record<string, number> = {};
    // Awaited inside: a request is sent when somebody waits for its answer.
    return { result: await context.run(calls, async () => await run()), calls };
  };
}

describe('nothing tells a known account from an unknown one', () => {
  for (const proofs of ['off', 'on']) {
    test(`the same sequence of tries: answers, store calls, hashes (PROOF_OF_WORK=${proofs})`, () =>
      withScene(
        async (s) => {
          const known = await newAccount(s);
          const disabled = await newAccount(s);
          await disable(s, disabled.id);
          const { app } = s;
          // What the owner is told is delivered after the answer, by whoever comes to it: here by nobody.
          await app.relay.stop();
          const watched = watchStores(s);

          async function sequence(login: string) {
            const seen: (ReturnType<typeof sayingOf> & { calls: Record<string, number>; hashes: number })[] = [];
            const attempt = async (more: object = {}) => {
              const before = app.hasher.stats().hashes;
              const { result, calls } = await watched(() => guess(s.client, login, { more }));
              // What follows an answer comes a moment after it.
              await new Promise((resolve) => setTimeout(resolve, 20));
              seen.push({ ...sayingOf(result), calls, hashes: app.hasher.stats().hashes - before });
              return result.json<Problem>();
            };
            for (let tries = 0; tries < 12; tries++) {
              const { puzzle } = await attempt();
              if (puzzle) await attempt({ proof: solve(puzzle) });
              if (tries >= 6) s.time.forward(MINUTE);
            }
            return seen;
          }

          const [ofKnown, ofDisabled, ofNobody, ofNoName] = [
            await sequence(known.email),
            await sequence(disabled.email),
            await sequence('nobody@example.com'),
            await sequence('nobody at all'),
          ];
          assert.ok(ofKnown.every(({ calls }) => (calls['throttles.find'] ?? 0) > 0));
          const statuses = ofKnown.map(({ statusCode }) => statusCode);
          for (const status of proofs === 'on' ? [401, 403, 429] : [401, 429]) assert.ok(statuses.includes(status));
          assert.deepEqual(ofNobody, ofKnown);
          assert.deepEqual(ofDisabled, ofKnown);
          assert.deepEqual(withoutLookups(ofNoName), withoutLookups(ofKnown));
          assert.deepEqual(await sequence(known.username).then(withoutLookups), withoutLookups(ofKnown));
        },
        { env: { ...LIMITED, PROOF_OF_WORK: proofs } },
      ));
  }

  test('device tokens that are made up cost the same MACs, whoever is named', (t) =>
    withScene(
      async (s) => {
        const { email } = await newAccount(s);
        await s.app.relay.stop();
        // Once a second it is looked whether there is an attack; that second does not end here.
        const now = performance.now();
        t.mock.method(performance, 'now', () => now);
        const { deviceToken = assert.fail() } = keptOf(await becomeKnown(s)) as { deviceToken?: string };
        const more = { deviceToken: [deviceToken, deviceToken, deviceToken, deviceToken].join('.') };
        // Not those of relays and workers, which go on beside it.
        const attempt = new AsyncLocalStorage<{ made: number }>();
        let made = 0;
        const { createHmac } = crypto;
        t.mock.method(crypto, 'createHmac', (...args: Parameters<typeof createHmac>) => {
          const cost = attempt.getStore();
          if (cost) cost.made += 1;
          return createHmac(...args);
        });
        syncBuiltinESMExports();
        try {
          const costs = async (login: string) => {
            const cost = { made: 0 };
            await attempt.run(cost, async () => await guess(s.client, login, { more }));
            // What follows an answer comes a moment after it.
            await new Promise((resolve) => setTimeout(resolve, 20));
            made += cost.made;
            return cost.made;
          };
          for (let tries = 0; tries < 8; tries++) assert.equal(await costs(email), await costs('nobody@example.com'));
          assert.ok(made > 16 * 4, 'all are looked at');
        } finally {
          t.mock.restoreAll();
          syncBuiltinESMExports();
        }
      },
      { env: LIMITED },
    ));

  /** Somebody else, on a device that is not a browser. */
  async function becomeKnown(s: Scene) {
    const { email: login, password } = await newAccount(s);
    return logIn(s.client, { login, password, from: newAddress(), more: { tokenTransport: 'body' } });
  }

  /** Whether a login is an address, a name or neither, its form tells. */
  function withoutLookups<T extends { calls: Record<string, number> }>(seen: T[]): T[] {
    return seen.map(({ calls, ...rest }) => {
      const others = Object.entries(calls).filter(([name]) => !name.startsWith('users.findBy'));
      return { ...rest, calls: Object.fromEntries(others) } as unknown as T;
    });
  }
});

describe('what is guessed is kept nowhere', () => {
  const CANARY = 'Kanarienvogel-5f1c-wrong-password';
  const TYPED_AS_LOGIN = 'Wellensittich-91d2-password-typed-as-login';

  /** Texts in which a secret would be found again, or could be looked up. */
  function readableForms(secret: string): string[] {
    const hashes = ['md5', 'sha1', 'sha256', 'sha512'].flatMap((algorithm) => {
      const digest = createHash(algorithm).update(secret).digest();
      return [digest.toString('hex'), digest.toString('base64url'), digest.toString('base64').replace(/=+$/, '')];
    });
    const bytes = Buffer.from(secret);
    return [secret, secret.toLowerCase(), bytes.toString('hex'), bytes.toString('base64').slice(0, 40), ...hashes];
  }

  /** Wrong passwords in every way that is looked at: alone, sprayed, refused, with a proof, within a session. */
  async function guessInManyWays(s: Scene): Promise<void> {
    const owner = await newAccount(s);
    const { accessToken: token } = (
      await logIn(s.client, { login: owner.email, password: owner.password, from: newAddress() })
    ).json();
    for (const login of [owner.email, owner.username, 'nobody@example.com']) {
      await atOnce(8, () => guess(s.client, login, { password: CANARY }));
    }
    await atOnce(15, (i) => guess(s.client, `sprayed${i}@example.com`, { password: CANARY }));
    for (const password of [CANARY, owner.password]) {
      await atOnce(8, () => guess(s.client, TYPED_AS_LOGIN, { password }));
    }
    for (let i = 0; i < 8; i++) {
      await s.client.send('POST', '/auth/reauthenticate', { token, body: { password: CANARY } });
      const body = { currentPassword: CANARY, newPassword: 'feeds the cat at eight' };
      await s.client.send('POST', '/auth/change-password', { token, body });
    }
    await exhaust(s.client, owner.email);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await s.work();
  }

  function assertNowhere(text: string, where: string, secrets: readonly string[]): void {
    for (const secret of secrets) {
      for (const form of readableForms(secret)) assert.ok(!text.includes(form), `${form} is in ${where}`);
    }
  }

  for (const proofs of ['off', 'on']) {
    test(`neither in the database nor in the log, at its most talkative (PROOF_OF_WORK=${proofs})`, () =>
      withWatchedScene(
        async (s) => {
          await guessInManyWays(s);
          const rows = JSON.stringify(await everything(s.database), (_key, value) =>
            value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
          );
          assert.ok(rows.includes('throttles'));
          assertNowhere(rows, 'the database', [CANARY, TYPED_AS_LOGIN]);
          assertNowhere(s.log.join('\n'), 'the log', [CANARY]);
        },
        { env: { ...LIMITED, PROOF_OF_WORK: proofs } },
      ));
  }

  test(
    'nor in Redis, nor any address that somebody typed, nor what it could be looked up by',
    {
      skip: !hasOwnRedis(),
    },
    () =>
      withOwnRedis((redis) =>
        withScene(
          async (s) => {
            await guessInManyWays(s);
            const email = 'zaunkoenig@example.com';
            const link = { token: 'not-a-token-7d41', newPassword: 'feeds the cat at eight' };
            await s.client.send('POST', '/auth/register', { body: somebody({ email }) });
            await s.client.send('POST', '/auth/request-password-reset', { body: { email } });
            await s.client.send('POST', '/auth/reset-password', { body: link });
            await guess(s.client, email);
            const all = await redis.everything();
            assert.match(all, /ostiary:[^:]+:limit:guess-password/);
            assert.match(all, /ostiary:[^:]+:limit:credentials/);
            for (const name of ['register', 'password-reset'])
              assert.match(all, new RegExp(`ostiary:[^:]+:limit:${name}`));
            assertNowhere(all, 'Redis', [CANARY, TYPED_AS_LOGIN, email, link.token]);
          },
          { env: { ...LIMITED, REDIS_URL: redis.url } },
        ),
      ),
  );

  test('a table of throttles that is read tells neither logins nor passwords, and is empty a day later', () =>
    withWatchedScene(
      async (s) => {
        const owner = await newAccount(s);
        await exhaust(s.client, owner.email);
        const { throttles = [] } = await everything(s.database);
        assert.ok(throttles.length > 0);
        for (const secret of [owner.email, owner.username]) assertNowhere(JSON.stringify(throttles), 'it', [secret]);
        s.time.forward(25 * HOUR);
        assert.equal(await s.app.storage.throttles.purge(s.time.now, 100), throttles.length);
      },
      { env: LIMITED },
    ));
});
