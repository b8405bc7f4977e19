import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertProblem, exchange, listen, open, parseAnswer, readAll, testServer } from './http.testing.ts';
import type { HttpServer } from './routes.ts';

const HEAD = 'POST /things HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';

function routes(app: HttpServer) {
  app.post('/things', { config: { access: 'public' } }, async () => ({}));
}

test('fault 13: what is no HTTP gets a problem document and is cut off', async (t) => {
  const { app } = await testServer(t, { routes });
  const port = await listen(app);
  const cases: [string, string | Buffer, number, string][] = [
    ['garbage', 'garbage\r\n\r\n', 400, 'malformed_request'],
    ['bytes', Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x0d, 0x0a]), 400, 'malformed_request'],
    ['unknown method', 'FOO / HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'malformed_request'],
    ['both lengths', `${HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}`, 400, 'malformed_request'],
    ['two lengths', `${HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, 400, 'malformed_request'],
    ['bad chunk', `${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 400, 'malformed_request'],
    ['huge header', `${HEAD}X-Huge: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
    ['no host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'malformed_request'],
    ['HTTP/0.9', 'GET /things\r\n\r\n', 400, 'malformed_request'],
    ['folded field', 'GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n', 400, 'malformed_request'],
    ['bare line feeds', 'GET / HTTP/1.1\nHost: a\n\n', 400, 'malformed_request'],
    ['bare carriage return', 'GET / HTTP/1.1\r\nHost: a\r\nX-A: b\rX-C: d\r\n\r\n', 400, 'malformed_request'],
    ['space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400, 'malformed_request'],
    ['folded coding', `${HEAD}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`, 400, 'malformed_request'],
    ['other coding', `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`, 400, 'malformed_request'],
    ['twice one length', `${HEAD}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`, 400, 'malformed_request'],
    ['signed length', `${HEAD}Content-Length: +2\r\n\r\n{}`, 400, 'malformed_request'],
    ['list of lengths', `${HEAD}Content-Length: 2, 2\r\n\r\n{}`, 400, 'malformed_request'],
    ['chunk by line feed', `${HEAD}Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n`, 400, 'malformed_request'],
    [
      'length in a trailer',
      `${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n`,
      400,
      'malformed_request',
    ],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n', 400, 'malformed_request'],
    [
      'two content types',
      `${HEAD}content-type: text/plain\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`,
      400,
      'malformed_request',
    ],
    [
      'two credentials',
      'GET / HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nauthorization: b\r\nConnection: close\r\n\r\n',
      400,
      'malformed_request',
    ],
    ['odd expectation', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\nConnection: close\r\n\r\n', 404, 'not_found'],
  ];
  for (const [name, bytes, status, code] of cases) {
    await t.test(name, async () => {
      const answer = await exchange(t, port, bytes);
      assertProblem(answer, status, code);
      assert.equal(answer.headers.connection, 'close');
    });
  }
});

/** Sends a piece every now and then until the other side has had enough. */
function drip(socket: Awaited<ReturnType<typeof open>>, piece: string): Promise<string> {
  const timer = setInterval(() => socket.writable && socket.write(piece), 20);
  return readAll(socket).finally(() => clearInterval(timer));
}

const SLOW = { requestTimeout: 300 };

test('a client that drips its header fields is cut off', { timeout: 30_000 }, async (t) => {
  const { app } = await testServer(t, { routes, http: SLOW });
  const socket = await open(t, await listen(app));
  socket.write('GET /things HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
  assertProblem(parseAnswer(await drip(socket, 'x')), 408, 'request_timeout');
});

test('a client that drips its body is cut off', { timeout: 30_000 }, async (t) => {
  const { app } = await testServer(t, { routes, http: SLOW });
  const socket = await open(t, await listen(app));
  socket.write(`${HEAD}Content-Length: 100000\r\n\r\n`);
  assertProblem(parseAnswer(await drip(socket, ' ')), 408, 'request_timeout');
});

test('a client that connects and says nothing is cut off', { timeout: 30_000 }, async (t) => {
  const { app } = await testServer(t, { routes, http: SLOW });
  const socket = await open(t, await listen(app));
  const text = await readAll(socket);
  assert.ok(text === '' || parseAnswer(text).statusCode === 408);
});

test('a client that goes on sending after it was refused is cut off', { timeout: 30_000 }, async (t) => {
  const { app } = await testServer(t, { routes });
  const socket = await open(t, await listen(app));
  socket.write('garbage\r\n\r\n');
  assertProblem(parseAnswer(await drip(socket, 'more garbage')), 400, 'malformed_request');
});
