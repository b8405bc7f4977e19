import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADA, assertProblem, personOf, testServer } from './http.testing.ts';
import type { HttpServer } from './routes.ts';

const TOKENS = { ada: ADA, bob: personOf('0190b4a2-0000-7000-8000-00000000000b') };

/** Handlers that wait until they are let go, and how many of them run. */
function heldHandlers() {
  const running = new Map<string, (() => void)[]>();
  const hold = (name: string) =>
    new Promise<void>((resolve) => running.set(name, [...(running.get(name) ?? []), resolve]));
  const routes = (app: HttpServer) => {
    for (const method of ['POST', 'PATCH', 'PUT', 'DELETE', 'GET'] as const) {
      app.route({
        method,
        url: '/thing',
        config: { access: 'signedIn' },
        handler: async ({ actor }) => {
          await hold(actor?.subject.id ?? '');
          return {};
        },
      });
    }
  };
  return {
    routes,
    count: (name: string) => running.get(name)?.length ?? 0,
    letOneGo: (name: string) => running.get(name)?.shift()?.(),
  };
}

const settle = async () => {
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

test('four writes of an account run at a time, whatever their routes; others wait, and reads and other accounts do not', async (t) => {
  const { routes, count, letOneGo } = heldHandlers();
  const { app } = await testServer(t, { routes, tokens: TOKENS });
  await app.ready();
  const send = (method: 'POST' | 'PATCH' | 'PUT' | 'DELETE' | 'GET', token: string) =>
    app.inject({ method, url: '/thing', headers: { authorization: `Bearer ${token}` } });
  const answers = Array.from({ length: 40 }, (_, i) =>
    send((['POST', 'PATCH', 'PUT', 'DELETE'] as const)[i % 4] ?? 'POST', 'ada'),
  );
  await settle();
  const [ada, bob] = [TOKENS.ada.userId, TOKENS.bob.userId];
  assert.equal(count(ada), 4);
  const [read, write] = [send('GET', 'ada'), send('POST', 'bob')];
  await settle();
  assert.deepEqual([count(ada), count(bob)], [5, 1]);
  letOneGo(bob);
  assert.equal((await write).statusCode, 200);
  for (let i = 0; i < 41; i += 1) {
    letOneGo(ada);
    await settle();
  }
  for (const { statusCode } of await Promise.all([...answers, read])) assert.equal(statusCode, 200);
});

test('whoever sends hundreds at once is told to come back, at once', async (t) => {
  const { routes, count, letOneGo } = heldHandlers();
  const { app } = await testServer(t, { routes, tokens: TOKENS });
  await app.ready();
  const send = () => app.inject({ method: 'POST', url: '/thing', headers: { authorization: 'Bearer ada' } });
  const waiting = Array.from({ length: 204 }, send);
  await settle();
  const refused = await send();
  assertProblem(refused, 429, 'rate_limited');
  assert.equal(refused.headers['retry-after'], '1');
  while (count(ADA.userId) > 0) {
    letOneGo(ADA.userId);
    await settle();
  }
  for (const { statusCode } of await Promise.all(waiting)) assert.equal(statusCode, 200);
});
