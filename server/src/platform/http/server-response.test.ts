import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { FastServerResponse, type HeaderFields, headerBlock } from './server-response.ts';

const ALWAYS: HeaderFields = [
  ['cache-control', 'no-store'],
  ['content-security-policy', "default-src 'none'"],
  ['x-frame-options', 'DENY'],
];

/** The header fields of a real answer, in their order; Node's own left out. */
async function answered(t: TestContext, own: Record<string, string>, ready: HeaderFields = []): Promise<string[][]> {
  const server = createServer({ ServerResponse: FastServerResponse }, (_request, response) => {
    response.block = headerBlock(ALWAYS);
    response.ready.push(ready);
    response.writeHead(200, own).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const [response] = await once(request({ port, host: '127.0.0.1', agent: false }).end(), 'response');
  response.resume();
  const raw: string[] = response.rawHeaders;
  const fields = raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1] ?? '']] : []));
  return fields.filter(([name = '']) => !/^(date|connection|transfer-encoding|content-length)$/i.test(name));
}

test('every answer has the constant fields, those that were added, and its own', async (t) => {
  const fields = await answered(t, { 'content-type': 'application/json' }, [['x-request-id', 'one']]);
  assert.deepEqual(fields, [...ALWAYS, ['x-request-id', 'one'], ['content-type', 'application/json']]);
});

test('a field of the answer takes the place of a constant or added one, and is sent once', async (t) => {
  const own = { 'content-security-policy': "default-src 'self'", 'x-request-id': 'two' };
  const fields = await answered(t, own, [['x-request-id', 'one']]);
  assert.deepEqual(fields.toSorted(), [
    ['cache-control', 'no-store'],
    ['content-security-policy', "default-src 'self'"],
    ['x-frame-options', 'DENY'],
    ['x-request-id', 'two'],
  ]);
});
