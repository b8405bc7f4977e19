import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertProblem, testServer } from './http.testing.ts';

const READY = ['/ready', '/api/v1/health/readiness'];

test('health says that the process answers, also when nothing else works', async (t) => {
  const { app } = await testServer(t, { probes: { essential: { database: async () => false }, helpful: {} } });
  for (const url of ['/health', '/api/v1/health/liveness'])
    assert.deepEqual((await app.inject(url)).json(), { status: 'ok' });
});

test('fault 14: ready follows the probes and tells their names and states only', async (t) => {
  let up = true;
  const probes = {
    database: async () => up,
    cache: async () => {
      if (!up) throw new Error('connect ECONNREFUSED redis://:hunter2@10.0.0.1');
      return true;
    },
    queue: async () => true,
  };
  const { app } = await testServer(t, { probes: { essential: probes, helpful: {} } });
  for (const url of READY) assert.deepEqual((await app.inject(url)).json(), { status: 'ready' });
  up = false;
  for (const url of READY) {
    const answer = await app.inject(url);
    const problem = assertProblem(answer, 503, 'unavailable');
    assert.deepEqual(problem.checks, { database: 'down', cache: 'down', queue: 'up' });
    assert.ok(!answer.body.includes('hunter2'));
    assert.match(String(answer.headers['retry-after']), /^\d+$/);
  }
  up = true;
  assert.equal((await app.inject('/ready')).statusCode, 200);
});

test('a probe that hangs counts as down', { timeout: 30_000 }, async (t) => {
  const { app } = await testServer(t, {
    probes: { essential: { database: () => new Promise(() => {}) }, helpful: {} },
  });
  assert.deepEqual(assertProblem(await app.inject('/ready'), 503, 'unavailable').checks, { database: 'down' });
});

test('many who ask at once make one probe', async (t) => {
  let runs = 0;
  const gate = Promise.withResolvers<boolean>();
  const probes = {
    database: () => {
      runs += 1;
      return gate.promise;
    },
  };
  const { app } = await testServer(t, { probes: { essential: probes, helpful: {} } });
  let arrived = 0;
  app.addHook('preHandler', (_request, _reply, done) => {
    arrived += 1;
    if (arrived === 20) setImmediate(() => gate.resolve(true));
    done();
  });
  const answers = Array.from({ length: 20 }, () => app.inject('/ready'));
  for (const answer of await Promise.all(answers)) assert.equal(answer.statusCode, 200);
  assert.equal(runs, 1);
});

test('while the server shuts down it is not ready', async (t) => {
  const { app } = await testServer(t);
  app.draining.now = true;
  const problem = assertProblem(await app.inject('/ready'), 503, 'unavailable');
  assert.deepEqual(problem.checks, { server: 'closing' });
  assert.equal((await app.inject('/health')).statusCode, 200);
});

test('what is helpful and away leaves the server ready, and says so', async (t) => {
  let isAway = true;
  const probes = { essential: { database: async () => true }, helpful: { queue: async () => !isAway } };
  const { app } = await testServer(t, { probes });
  const degraded = await app.inject('/ready');
  assert.equal(degraded.statusCode, 200);
  assert.deepEqual(degraded.json(), { status: 'degraded', checks: { database: 'up', queue: 'down' } });
  isAway = false;
  assert.deepEqual((await app.inject('/ready')).json(), { status: 'ready' });
});
