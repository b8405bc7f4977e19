import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { testServer } from './http.testing.ts';

/** What the log says of proxies, after one request from 127.0.0.1 for each `X-Forwarded-For`; null: without. */
async function told(t: TestContext, trustedProxies: string[], fields: (string | null)[]) {
  const { app, lines } = await testServer(t, { http: { trustedProxies } });
  for (const field of fields) {
    await app.inject({ url: '/health', headers: field === null ? {} : { 'x-forwarded-for': field } });
  }
  return lines.filter(({ msg }) => String(msg).includes('TRUSTED_PROXIES'));
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
