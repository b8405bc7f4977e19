import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { clientAddress } from './client-address.ts';
import { bareAddress } from './forwarded-for.ts';
import { testServer } from './http.testing.ts';

/** Who a request from 127.0.0.1 comes from, with this `X-Forwarded-For`. */
async function addressing(t: TestContext, trustedProxies: string[]) {
  const { app } = await testServer(t, {
    http: { trustedProxies },
    routes: (server) =>
      void server.get('/who', { config: { access: 'public' } }, async (request) => ({ ip: clientAddress(request) })),
  });
  return async (field: string) => (await app.inject({ url: '/who', headers: { 'x-forwarded-for': field } })).json().ip;
}

test('every form in which proxies write an address is read', () => {
  const V4 = '203.0.113.7';
  const V6 = '2001:db8::1';
  const forms: [string, string | null][] = [
    ...[V4, `${V4}:52113`, `"${V4}"`, `"${V4}:52113"`, `'${V4}'`, `[${V4}]`, `[${V4}]:80`, ` ${V4}\t`].map(
      (form): [string, string] => [form, V4],
    ),
    ...[`for=${V4}`, `For="${V4}:4711"`, `for=${V4};proto=https;by=10.0.0.1`, `${V4}:_http`].map(
      (form): [string, string] => [form, V4],
    ),
    ...[`::ffff:${V4}`, `[::ffff:${V4}]:443`, '::FFFF:cb00:7107', `"[::ffff:${V4}]"`].map((form): [string, string] => [
      form,
      V4,
    ]),
    ...[V6, `[${V6}]`, `[${V6}]:443`, `"[${V6}]:443"`, `for="[${V6}]:4711"`, '2001:DB8:0:0:0:0:0:1'].map(
      (form): [string, string] => [form, V6],
    ),
    ['2001:db8:1:2:3:4:5:6:52113', '2001:db8:1:2:3:4:5:6'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%25eth0]:80', 'fe80::1'],
    // It may be a port, but it is an address as it stands.
    ['2001:db8::1:4711', '2001:db8::1:4711'],
    ...[
      'unknown',
      '_hidden',
      'unix:',
      '',
      '-',
      'localhost',
      '203.0.113',
      '203.0.113.256',
      '0x7f.1',
      '"',
      '[',
      '[]:1',
    ].map((form): [string, null] => [form, null]),
    ...['203.0.113.7:', '203.0.113.7:http', '203.0.113.7:123456', `${V4} ${V4}`, 'for=', '2130706433', '127.1'].map(
      (form): [string, null] => [form, null],
    ),
  ];
  for (const [form, address] of forms) assert.equal(bareAddress(form), address, form);
});

test('the client is who the last trusted proxy heard, whatever is written around addresses', async (t) => {
  const who = await addressing(t, ['127.0.0.1', '10.0.0.0/8', '2001:db8:ffff::/48']);
  for (const field of [
    '203.0.113.7:52113',
    '"203.0.113.7"',
    '198.51.100.9, 203.0.113.7:1',
    '198.51.100.9:80,203.0.113.7:1, 10.1.2.3:8080',
    '203.0.113.7, [2001:db8:ffff::5]:443 , "10.0.0.1:9"',
    '203.0.113.7, for="[::ffff:10.0.0.1]:9"',
    '10.9.9.9, 203.0.113.7, 10.0.0.1',
    '203.0.113.7:5, , 10.0.0.1,',
  ]) {
    assert.equal(await who(field), '203.0.113.7', field);
  }
  // All of them are proxies: the one farthest away is the client.
  assert.equal(await who('10.0.0.3:1, 10.0.0.2:2'), '10.0.0.3');
});

test('where nobody can read an element, the proxy that sent it counts as the client', async (t) => {
  const who = await addressing(t, ['127.0.0.1', '10.0.0.0/8']);
  for (const field of ['unknown', '198.51.100.9, unknown', '198.51.100.9, unix:', '"198.51.100.9, x"', ', ,', '']) {
    assert.equal(await who(field), '127.0.0.1', field);
  }
  assert.equal(await who('198.51.100.9, unknown, 10.0.0.2:80'), '10.0.0.2');
});

test('nothing is believed of a peer that is no trusted proxy', async (t) => {
  for (const trusted of [[], ['10.0.0.0/8']]) {
    const who = await addressing(t, trusted);
    for (const field of ['203.0.113.7', '203.0.113.7, 10.0.0.1', '127.0.0.1:1'])
      assert.equal(await who(field), '127.0.0.1');
  }
});
