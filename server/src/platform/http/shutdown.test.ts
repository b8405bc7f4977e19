import assert from 'node:assert/strict';
import { Agent, get } from 'node:http';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { listen, open, parseAnswer, readAll, testServer } from './http.testing.ts';
import type { HttpServer } from './routes.ts';
import { shutDown } from './shutdown.ts';

const GRACE = 20_000;
/** Milliseconds: time for a hundred requests, also on a machine that stands still for a while. */
const DELAY = 6_000;
const PUBLIC = { config: { access: 'public' } } as const;

/** One request; what came of it: its status and whether the server said that the connection ends, or the error's code. */
function request(agent: Agent, port: number): Promise<{ status: number; last: boolean } | { refused: string }> {
  return new Promise((resolve) => {
    get({ agent, port, host: '127.0.0.1', path: '/work' }, (answer) => {
      answer
        .resume()
        .on('end', () => resolve({ status: answer.statusCode ?? 0, last: answer.headers.connection === 'close' }));
    }).on('error', (error: NodeJS.ErrnoException) => resolve({ refused: error.code ?? error.message }));
  });
}

test('under load on many kept connections no accepted request is lost', { timeout: 60_000 }, async (t) => {
  const routes = (app: HttpServer) => {
    app.get('/work', PUBLIC, async () => {
      for (let i = 0; i < 5; i += 1) await turn();
      return { done: true };
    });
  };
  for (let round = 0; round < 3; round += 1) {
    const { app } = await testServer(t, { routes });
    const port = await listen(app);
    let served = 0;
    let closing = false;
    const clients = Array.from({ length: 30 }, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (;;) {
        const result = await request(agent, port);
        if ('refused' in result) {
          agent.destroy();
          return { result, closing };
        }
        assert.equal(result.status, 200);
        served += 1;
      }
    });
    while (served < 300) await turn();
    closing = true;
    await shutDown(app, { grace: GRACE });
    for (const { result, closing: expected } of await Promise.all(clients)) {
      assert.equal(result.refused, 'ECONNREFUSED');
      assert.ok(expected);
    }
  }
});

test('a request in flight is finished, with Connection: close; new connections are refused', {
  timeout: 30_000,
}, async (t) => {
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const routes = (app: HttpServer) => {
    app.get('/work', PUBLIC, async () => {
      begun.resolve();
      await gate.promise;
      return { done: true };
    });
  };
  const { app } = await testServer(t, { routes });
  const port = await listen(app);
  const agent = new Agent({ keepAlive: true });
  const pending = request(agent, port);
  await begun.promise;
  const down = shutDown(app, { grace: GRACE });
  assert.deepEqual(await request(new Agent(), port), { refused: 'ECONNREFUSED' });
  gate.resolve();
  assert.deepEqual(await pending, { status: 200, last: true });
  await down;
});

test('an idle connection may still bring a request; then it is closed', { timeout: 30_000 }, async (t) => {
  const { app } = await testServer(t, { routes: (server) => void server.get('/work', PUBLIC, async () => ({})) });
  const port = await listen(app);
  const busy = await open(t, port);
  const idle = await open(t, port);
  const text = readAll(busy);
  busy.write('GET /work HTTP/1.1\r\nHost: localhost\r\n\r\n');
  idle.write('GET /work HTTP/1.1\r\nHost: localhost\r\n\r\n');
  while (busy.bytesRead === 0) await turn();
  const down = shutDown(app, { grace: GRACE });
  busy.write('GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const answers = (await text).split(/(?=HTTP\/1\.1 )/);
  assert.deepEqual(
    answers.map((answer) => parseAnswer(answer).statusCode),
    [200, 503],
  );
  assert.equal(parseAnswer(answers[1] ?? '').headers.connection, 'close');
  await readAll(idle);
  await down;
});

test('during the delay readiness is red, and requests on old and new connections are served as before', {
  timeout: 30_000,
}, async (t) => {
  const { app } = await testServer(t, { routes: (server) => void server.get('/work', PUBLIC, async () => ({})) });
  const port = await listen(app);
  const kept = new Agent({ keepAlive: true, maxSockets: 1 });
  const statusOf = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  assert.equal(await statusOf('/ready'), 200);
  const began = performance.now();
  const down = shutDown(app, { grace: GRACE, delay: DELAY });
  assert.equal(await statusOf('/ready'), 503);
  assert.equal(await statusOf('/health'), 200);
  for (let served = 0; served < 50; served += 1) {
    for (const agent of [kept, new Agent()])
      assert.deepEqual(await request(agent, port), { status: 200, last: agent !== kept });
  }
  await down;
  assert.ok(performance.now() - began >= DELAY - 1);
  assert.deepEqual(await request(new Agent(), port), { refused: 'ECONNREFUSED' });
});

test('what does not finish within the grace is cut off', { timeout: 30_000 }, async (t) => {
  const routes = (app: HttpServer) => void app.get('/work', PUBLIC, () => new Promise(() => {}));
  const { app } = await testServer(t, { routes });
  const port = await listen(app);
  const begun = new Promise((resolve) => app.server.once('request', resolve));
  const pending = request(new Agent(), port);
  await begun;
  await shutDown(app, { grace: 50 });
  assert.deepEqual(await pending, { refused: 'ECONNRESET' });
});

test('a server that never listened shuts down too', async (t) => {
  const { app } = await testServer(t);
  await app.ready();
  await shutDown(app, { grace: 50 });
  assert.equal(app.server.listening, false);
});
