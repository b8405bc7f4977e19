import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { limitConnections } from './connections.ts';
import { listen, open, parseAnswer, readAll, testServer } from './http.testing.ts';
import type { HttpServer } from './routes.ts';

/** Far more than the kernel takes for a client that does not read. */
const LARGE = 'x'.repeat(16 * 1024 * 1024);
const PATIENCE = 400;

function routes(app: HttpServer) {
  app.get('/large', { config: { access: 'public' } }, async (_request, reply) => {
    reply.type('text/plain');
    return LARGE;
  });
  app.get('/small', { config: { access: 'public' } }, async () => ({}));
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

/** Our side of each connection. */
function accepted(app: HttpServer): Socket[] {
  const sockets: Socket[] = [];
  app.server.on('connection', (socket) => sockets.push(socket));
  return sockets;
}

async function serverOf(t: TestContext, patience = PATIENCE) {
  const { app, lines } = await testServer(t, { routes, http: { requestTimeout: patience } });
  return { app, lines, sockets: accepted(app), port: await listen(app) };
}

test('a client that does not read its answer is cut off', { timeout: 30_000 }, async (t) => {
  const { sockets, port } = await serverOf(t);
  for (const [name, bytes] of [
    ['one large answer', get('/large')],
    ['many requests ahead', get('/large').repeat(10)],
    ['small ones behind a large one', get('/large') + get('/small').repeat(20)],
  ] as const) {
    const client = await open(t, port);
    client.pause();
    client.write(bytes);
    await t.test(name, async () => {
      while (sockets.length === 0) await sleep(10);
      const [socket] = sockets.splice(0);
      assert.ok(socket);
      if (!socket.destroyed) await once(socket, 'close');
    });
  }
});

test('a client that takes a byte now and then is cut off', { timeout: 30_000 }, async (t) => {
  const { sockets, port } = await serverOf(t);
  const client = await open(t, port);
  client.on('error', () => {});
  client.pause();
  client.write(get('/large'));
  const timer = setInterval(() => client.read(1), 20);
  t.after(() => clearInterval(timer));
  while (sockets.length === 0) await sleep(10);
  const [socket] = sockets;
  assert.ok(socket);
  if (!socket.destroyed) await once(socket, 'close');
});

test('a client that reads gets all of it, and idles longer than that', { timeout: 30_000 }, async (t) => {
  const { port } = await serverOf(t);
  const client = await open(t, port);
  client.write(get('/small'));
  await once(client, 'data');
  await sleep(3 * PATIENCE);
  client.write(get('/large').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
  assert.equal(parseAnswer(await readAll(client)).body, LARGE);
});

test('a server that stands still cuts nobody off for that', { timeout: 30_000 }, async (t) => {
  const { port } = await serverOf(t, 4 * PATIENCE);
  const client = await open(t, port);
  client.pause();
  client.write(get('/large').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
  // It has looked, and seen that the answer waits.
  await sleep(1.5 * PATIENCE);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4 * PATIENCE);
  client.resume();
  assert.equal(parseAnswer(await readAll(client)).body, LARGE);
});

test('requests sent ahead are answered, up to a bound, and refused beyond it', { timeout: 30_000 }, async (t) => {
  const { app, port } = await serverOf(t);
  let handled = 0;
  app.server.on('request', () => {
    handled += 1;
  });
  const statuses = async (count: number) => {
    const client = await open(t, port);
    client.write(get('/small').repeat(count - 1) + get('/small').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    return [...(await readAll(client)).matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status);
  };
  assert.deepEqual(await statuses(9), Array(9).fill('200'));
  const many = await statuses(41);
  assert.equal(many.length, 41);
  assert.equal(handled, 50);
  assert.deepEqual(many.slice(0, 9), Array(9).fill('200'));
  assert.equal(many.filter((status) => status === '429').length, 32);
});

test('who sends far too many requests ahead is cut off, others are served', { timeout: 30_000 }, async (t) => {
  const { port } = await serverOf(t);
  const client = await open(t, port);
  client.write(get('/small').repeat(1200));
  const answers = (await readAll(client)).match(/HTTP\/1\.1 /g) ?? [];
  assert.ok(answers.length < 1200, `${answers.length} answers`);
  const next = await open(t, port);
  next.write(get('/small').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
  assert.equal(parseAnswer(await readAll(next)).statusCode, 200);
});

test('when there are too many connections, idle ones go, and whoever is served is not', {
  timeout: 30_000,
}, async (t) => {
  const { app } = await testServer(t, { routes });
  const lines: string[] = [];
  limitConnections(app, {
    patience: PATIENCE,
    most: 3,
    log: pino({}, { write: (line: string) => void lines.push(line) }),
  });
  const sockets = accepted(app);
  const port = await listen(app);
  const idle = [await open(t, port), await open(t, port)];
  for (const client of idle) {
    client.write(get('/small'));
    await once(client, 'data');
  }
  const busy = await open(t, port);
  busy.write('GET /small HTTP/1.1\r\n');
  while (!sockets[2]?.bytesRead) await sleep(10);
  const turnedAway = await open(t, port);
  await readAll(turnedAway);
  for (const client of idle) if (!client.destroyed) await readAll(client);
  busy.write('Host: localhost\r\nConnection: close\r\n\r\n');
  assert.equal(parseAnswer(await readAll(busy)).statusCode, 200);
  const next = await open(t, port);
  next.write(get('/small').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
  assert.equal(parseAnswer(await readAll(next)).statusCode, 200);
  assert.equal(lines.filter((line) => line.includes('too many connections')).length, 1);
});
