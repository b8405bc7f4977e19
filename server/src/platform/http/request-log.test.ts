import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADA, listen, testServer } from './http.testing.ts';
import type { HttpServer } from './routes.ts';

function routes(app: HttpServer) {
  app.get('/things/:id', { config: { access: 'optional' } }, async () => ({}));
}

const requests = (lines: Record<string, unknown>[]) => lines.filter(({ msg }) => /request/.test(String(msg)));

test('one line a request: the template of the route, never the URL', async (t) => {
  const { app, lines } = await testServer(t, { routes });
  const headers = { authorization: 'Bearer token-of-ada', 'x-request-id': 'request-0001' };
  await app.inject({ url: '/things/secret-7?token=hunter2', headers });
  const [line, ...more] = requests(lines);
  assert.deepEqual(more, []);
  const { time, duration, pid, ...rest } = line ?? {};
  const expected = { requestId: 'request-0001', method: 'GET', route: '/things/:id', status: 200, ip: '127.0.0.1' };
  assert.deepEqual(rest, { level: 'info', ...expected, userId: ADA.userId, msg: 'request' });
  assert.equal(pid, process.pid);
  assert.ok(!Number.isNaN(Date.parse(String(time))));
  assert.equal(typeof duration, 'number');
  assert.doesNotMatch(JSON.stringify(lines), /secret-7|hunter2|token-of-ada/);
});

test('slow requests are warnings, probes are only for debugging, paths without a route are not repeated', async (t) => {
  const { app, lines } = await testServer(t, { routes, slowRequest: 0 });
  await app.inject('/things/1');
  assert.deepEqual(
    requests(lines).map(({ level, msg }) => [level, msg]),
    [['warn', 'slow request']],
  );
  const quiet = await testServer(t, { routes });
  await quiet.app.inject('/health');
  await quiet.app.inject('/nothing/hunter2');
  assert.deepEqual(
    requests(quiet.lines).map(({ level, route }) => [level, route]),
    [
      ['debug', '/health'],
      ['info', ''],
    ],
  );
});

test('the address of a client on an IPv6 socket is written as IPv4 where it is', async (t) => {
  const { app, lines } = await testServer(t, { routes, http: { trustedProxies: ['127.0.0.1/32'] } });
  const port = await listen(app);
  const get = async (address: string) => {
    await (await fetch(`http://127.0.0.1:${port}/things/1`, { headers: { 'x-forwarded-for': address } })).arrayBuffer();
    return requests(lines).at(-1)?.ip;
  };
  assert.equal(await get('::ffff:192.0.2.1'), '192.0.2.1');
  assert.equal(await get('::ffff:c000:0201'), '192.0.2.1');
  assert.equal(await get('2001:db8::1'), '2001:db8::1');
  assert.equal(await get('not an address "'), '127.0.0.1');
});
