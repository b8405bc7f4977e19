import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { testServer } from './http.testing.ts';

/** What the log says of proxies, after one request from 127.0.0.1 for each `X-Forwarded-For`; null: without. */
async function told(
  t: TestContext,
  trustedProxies: string[],
  fields: (string | null)[],
  others: Record<string, string> = {},
) {
  const { app, lines } = await testServer(t, { http: { trustedProxies } });
  for (const field of fields) {
    await app.inject({ url: '/health', headers: { ...others, ...(field !== null && { 'x-forwarded-for': field }) } });
  }
  return lines.filter(({ level, proxy }) => level === 'warn' && proxy !== undefined);
}

test('a proxy that is not in TRUSTED_PROXIES is told of once, by its address', async (t) => {
  for (const trustedProxies of [[], ['192.0.2.0/24']]) {
    const warnings = await told(t, trustedProxies, [null, '198.51.100.1', '198.51.100.2']);
    assert.deepEqual(
      warnings.map(({ level, proxy }) => [level, proxy]),
      [['warn', '127.0.0.1']],
    );
    assert.doesNotMatch(JSON.stringify(warnings), /198\.51/, 'what strangers send is no part of it');
  }
});

test('nothing is told where no proxy is used, or a trusted one, also where the client has its address', async (t) => {
  assert.deepEqual(await told(t, [], [null, '']), []);
  assert.deepEqual(await told(t, ['127.0.0.1'], [null, '198.51.100.1', '127.0.0.1', '10.0.0.1, 127.0.0.1']), []);
});

test('a trusted proxy that sends what nobody can read is told of once, and what it sent is no part of it', async (t) => {
  for (const fields of [
    ['unknown', '_hidden', 'unix:'],
    ['198.51.100.1, unknown'],
    ['203.0.113.7:http'],
    ['198.51.100.1, 203.0.113.256'],
  ]) {
    const warnings = await told(t, ['127.0.0.1'], fields);
    assert.deepEqual(
      warnings.map(({ proxy }) => proxy),
      ['127.0.0.1'],
    );
    assert.match(String(warnings[0]?.msg), /X-Forwarded-For in which nobody can read/);
    assert.doesNotMatch(JSON.stringify(warnings), /198\.51|203\.0|unknown/);
  }
  const [behind] = await told(t, ['127.0.0.1', '10.0.0.0/8'], ['unknown, 10.0.0.2:80']);
  assert.equal(behind?.proxy, '10.0.0.2', 'the one that wrote it');
});

test('readable forms are no matter of the log', async (t) => {
  const fields = ['198.51.100.1:52113', '"[2001:db8::1]:443"', 'for=198.51.100.1', '10.0.0.1:80, 127.0.0.1:80'];
  assert.deepEqual(await told(t, ['127.0.0.1'], fields), []);
});

test('a trusted proxy that reports clients in other fields only is told of once', async (t) => {
  const fields: Record<string, string>[] = [{ forwarded: 'for=198.51.100.1' }, { 'x-real-ip': '198.51.100.1' }];
  for (const others of fields) {
    const [warning, ...more] = await told(t, ['127.0.0.1'], [null, null], others);
    assert.match(String(warning?.msg), /Forwarded or X-Real-IP only/);
    assert.deepEqual(more, []);
    assert.deepEqual(await told(t, ['127.0.0.1'], ['198.51.100.1'], others), []);
    assert.deepEqual(await told(t, [], [null], others), [], 'anybody can send such a field');
  }
});

test('a trusted proxy that passes on what clients forge is told of once, and what they sent is no part of it', async (t) => {
  const passedOn: [string, Record<string, string>][] = [
    // As `proxy_set_header X-Real-IP $remote_addr` alone does.
    ['203.0.113.66', { 'x-real-ip': '198.51.100.1' }],
    ['203.0.113.66', { forwarded: 'for=203.0.113.66, for="[2001:db8::1]:80";proto=https' }],
    ['203.0.113.66, 127.0.0.1', { forwarded: 'proto=https;for=198.51.100.1' }],
  ];
  for (const [field, others] of passedOn) {
    const warnings = await told(t, ['127.0.0.1'], [field, field], others);
    assert.deepEqual(
      warnings.map(({ proxy }) => proxy),
      ['127.0.0.1'],
    );
    assert.match(String(warnings[0]?.msg), /clients, who can choose the address that counts/);
    assert.doesNotMatch(JSON.stringify(warnings), /198\.51|203\.0|2001:db8/);
  }
});

test('fields that agree are no matter of the log, nor are those in which nobody can read an address', async (t) => {
  const agreeing: Record<string, string>[] = [
    { 'x-real-ip': '198.51.100.1', forwarded: 'for=203.0.113.66, for="198.51.100.1:80";proto=https' },
    // By the hop before the last.
    { 'x-real-ip': '2001:db8::1' },
    { 'x-real-ip': '10.0.0.1' },
    { 'x-real-ip': 'unknown', forwarded: 'for=_hidden;by=203.0.113.66' },
    { forwarded: 'by=203.0.113.66;host=a' },
  ];
  for (const others of agreeing) {
    const field = '[2001:db8::1]:80, 198.51.100.1, 10.0.0.1:1';
    assert.deepEqual(await told(t, ['127.0.0.1', '10.0.0.0/8'], [field], others), [], JSON.stringify(others));
  }
});
