import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cookieNames } from './cookie-name.ts';

test('at its usual place a server has the plain names', () => {
  for (const [url, name] of [
    ['https://auth.example.com', '__Host-ostiary'],
    ['https://auth.example.com:443/', '__Host-ostiary'],
    ['http://localhost:8000', 'ostiary'],
  ] as const) {
    assert.deepEqual(cookieNames(url, ''), { name, former: null });
    assert.deepEqual(cookieNames(url, '-device'), { name: `${name}-device`, former: null });
  }
});

test('servers on one host have names of their own, and know the former one', () => {
  const urls = [
    'https://h.example',
    'https://h.example:8443',
    'https://h.example:8444',
    'https://h.example/auth',
    'https://h.example/a/uth',
    'https://h.example/a-uth',
    'https://h.example/Auth',
    'https://h.example:8443/auth',
    'http://h.example',
    'http://h.example:8000',
    'http://h.example:8001',
    'http://h.example:8000/auth',
  ];
  const names = urls.flatMap((url) => [cookieNames(url, '').name, cookieNames(url, '-device').name]);
  assert.equal(new Set(names).size, names.length, names.join());
  // A token of RFC 9110, 5.6.2.
  for (const name of names) assert.match(name, /^[\w-]+$/);
  assert.equal(cookieNames('https://h.example/auth', '').former, '__Host-ostiary');
  assert.equal(cookieNames('https://h.example/auth/', '').name, cookieNames('https://h.example/auth', '').name);
  assert.deepEqual(cookieNames('http://h.example:8001', '-device'), {
    name: 'ostiary-8001-device',
    former: 'ostiary-device',
  });
});
