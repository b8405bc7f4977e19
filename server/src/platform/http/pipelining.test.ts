import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { pino } from 'pino';
import { open, readAll } from './http.testing.ts';
import { cutFloods } from './pipelining.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

test('of a flood on one connection 41 requests are looked at, and one warning a minute tells', {
  timeout: 10_000,
}, async (t) => {
  let handled = 0;
  const lines: string[] = [];
  const server = createServer(() => {
    handled += 1;
  });
  cutFloods(server, pino({}, { write: (line: string) => void lines.push(line) }));
  t.after(() => server.close().closeAllConnections());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;

  const most = await open(t, port);
  most.write(REQUEST.repeat(41));
  while (handled < 41) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(lines.length, 0);
  for (const count of [42, 1200, 5000]) {
    handled = 0;
    const client = await open(t, port);
    client.write(REQUEST.repeat(count));
    await readAll(client);
    assert.equal(handled, 41, `${count} requests`);
  }
  assert.equal(most.destroyed, false);
  assert.equal(lines.length, 1);
});
