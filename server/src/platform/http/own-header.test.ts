import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type HeaderState, isAsNodeWrites, writeUsualHeader } from './own-header.ts';
import { FastServerResponse } from './server-response.ts';

const CRLF = '\r\n';

/** Octets of the answer to a request, as they come; `close` ends the connection. */
async function octets(t: TestContext, answer: RequestListener, request: string, isFast: boolean): Promise<string> {
  const Response = isFast ? FastServerResponse : ServerResponse;
  const server = createServer({ ServerResponse: Response as typeof ServerResponse, keepAliveTimeout: 7000 }, answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close().closeAllConnections());
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.setEncoding('latin1');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.write(request);
  const isWhole = () => /\r\n\r\n/.test(text) && (text.endsWith('}') || text.endsWith('\r\n\r\n'));
  while (!isWhole() && !socket.closed) await Promise.race([once(socket, 'data'), once(socket, 'close')]);
  socket.destroy();
  return text;
}

const lines = (...of: string[]) => `${of.join(CRLF)}${CRLF}${CRLF}`;
const KEPT = lines('GET / HTTP/1.1', 'Host: here');

const json = { 'content-type': 'application/json' };
const ANSWERS: Record<string, { request?: string; answer: RequestListener }> = {
  'a body of known length': {
    answer: (_, response) => response.writeHead(200, { ...json, 'content-length': 2 }).end('{}'),
  },
  'a length as text, and an etag': {
    answer: (_, response) => response.writeHead(200, { etag: '"7"', ...json, 'content-length': '2' }).end('{}'),
  },
  'no length': { answer: (_, response) => response.writeHead(200, json).end('{}') },
  'an error': { answer: (_, response) => response.writeHead(404, { ...json, 'content-length': 2 }).end('{}') },
  nothing: { answer: (_, response) => response.writeHead(204).end() },
  'fields that were set one by one': {
    answer(_, response) {
      response.setHeader('Content-Type', 'application/json');
      response.setHeader('content-length', 2);
      response.writeHead(200).end('{}');
    },
  },
  'a cookie': {
    answer: (_, response) =>
      response.writeHead(200, { ...json, 'content-length': 2, 'set-cookie': ['a=1', 'b=2'] }).end('{}'),
  },
  'an end of the connection': {
    answer: (_, response) => response.writeHead(200, { ...json, 'content-length': 2, connection: 'close' }).end('{}'),
  },
  'no date': {
    answer(_, response) {
      response.sendDate = false;
      response.writeHead(200, { ...json, 'content-length': 2 }).end('{}');
    },
  },
  'a request that wants the connection to end': {
    request: lines('GET / HTTP/1.1', 'Host: here', 'Connection: close'),
    answer: (_, response) => response.writeHead(200, { ...json, 'content-length': 2 }).end('{}'),
  },
  'an old client': {
    request: lines('GET / HTTP/1.0', 'Host: here'),
    answer: (_, response) => response.writeHead(200, { ...json, 'content-length': 2 }).end('{}'),
  },
  'a request for the header only': {
    request: lines('HEAD / HTTP/1.1', 'Host: here'),
    answer: (_, response) => response.writeHead(200, { ...json, 'content-length': 2 }).end('{}'),
  },
};

for (const [name, { request = KEPT, answer }] of Object.entries(ANSWERS)) {
  test(`byte by byte as Node: ${name}`, async (t) => {
    const withoutTime = (text: string) => text.replace(/Date: .{29}\r\n/, 'Date: then\r\n');
    const ours = await octets(t, answer, request, true);
    const theirs = await octets(t, answer, request, false);
    assert.match(ours, /^HTTP\/1\.1 \d{3} /);
    assert.equal(withoutTime(ours), withoutTime(theirs));
  });
}

test('the date is that of Node', async (t) => {
  for (let attempt = 0; ; attempt++) {
    const { answer } = ANSWERS['a body of known length'] as { answer: RequestListener };
    const [ours, theirs] = [await octets(t, answer, KEPT, true), await octets(t, answer, KEPT, false)];
    // The second may have changed between the two.
    if (ours === theirs) return;
    assert.ok(attempt < 3, `${ours}\n${theirs}`);
  }
});

test('this version of Node leaves the usual header to us, and another that would keep more in mind does not', (t) => {
  assert.equal(isAsNodeWrites(), true);
  const prototype = ServerResponse.prototype as unknown as HeaderState;
  const { _storeHeader: node } = prototype;
  for (const change of [
    (response: HeaderState) => Object.assign(response, { _remembered: true }),
    (response: HeaderState) =>
      Object.assign(response, { _header: response._header?.replace('keep-alive', 'Keep-Alive') }),
  ]) {
    prototype._storeHeader = function store(text, headers) {
      node.call(this, text, headers);
      change(this);
    };
    t.after(() => Object.assign(prototype, { _storeHeader: node }));
    assert.equal(isAsNodeWrites(), false);
  }
});

test('what is no header value, or no length, is left to Node, which refuses it', () => {
  const response = () => {
    const made = new ServerResponse({ method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1, headers: {} } as never);
    return Object.assign(made as unknown as HeaderState, { shouldKeepAlive: true, _keepAliveTimeout: 5000 });
  };
  const write = (headers: Record<string, unknown>) => writeUsualHeader(response(), '', headers);
  assert.equal(write({ 'content-type': 'text/plain', 'content-length': 1 }), true);
  for (const bad of ['a\r\nset-cookie: b=1', 'a\0', 'ü', 'a\n']) {
    assert.equal(write({ 'content-type': bad, 'content-length': 1 }), false, JSON.stringify(bad));
  }
  for (const bad of ['1\r\n', '-1', '1e3', '', 1.5, Number.NaN, ['1'], null, undefined]) {
    assert.equal(write({ 'content-type': 'text/plain', 'content-length': bad }), false, JSON.stringify(bad));
  }
  assert.equal(write({ 'content-type': 'text/plain' }), false);
  assert.equal(write({ 'content-length': 1, 'transfer-encoding': 'chunked' }), false);
});
