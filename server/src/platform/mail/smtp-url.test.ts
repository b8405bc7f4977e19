import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSmtpUrl } from './smtp-url.ts';

test('host, port, credentials and TLS are read from the URL', () => {
  assert.deepEqual(readSmtpUrl('smtp://mail.example.com'), {
    host: 'mail.example.com',
    port: 587,
    secure: false,
    requireTLS: false,
    auth: null,
  });
  assert.deepEqual(readSmtpUrl('SMTPS://me%40example.com:p%2Fw@[::1]:4650/'), {
    host: '::1',
    port: 4650,
    secure: true,
    requireTLS: false,
    auth: { user: 'me@example.com', pass: 'p/w' },
  });
  assert.equal(readSmtpUrl('smtps://mail.example.com').port, 465);
});

test('a password leaves this machine only by TLS, unless the URL says otherwise', () => {
  for (const host of ['mail.example.com', '192.0.2.1', '[2001:db8::1]', '127.evil.example', 'localhost.example']) {
    assert.equal(readSmtpUrl(`smtp://u:p@${host}`).requireTLS, true, host);
    assert.equal(readSmtpUrl(`smtp://u:p@${host}?requireTLS=false`).requireTLS, false, host);
  }
  for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '[::1]', '[::ffff:127.0.0.1]']) {
    assert.equal(readSmtpUrl(`smtp://u:p@${host}`).requireTLS, false, host);
    assert.equal(readSmtpUrl(`smtp://u:p@${host}?requireTLS=true`).requireTLS, true, host);
  }
});

test('what would be ignored is refused', () => {
  const bad = [
    'http://mail',
    'smtp:mail',
    'smtp://',
    'smtp://u:p@',
    'smtp://mail:0',
    'smtp://mail:99999',
    'smtp://mail/path',
    'smtp://mail#x',
    'smtp://u@mail',
    'smtp://:p@mail',
    'smtp://u:%zz@mail',
    'smtp://mail?requireTls=true',
    'smtp://mail?requireTLS=yes',
    'smtp://mail?requireTLS',
    'smtp://mail?requireTLS=true&requireTLS=false',
    'smtp://mail?tls.rejectUnauthorized=false',
    'smtp://mail?pool=true',
    'smtps://mail?requireTLS=false',
    'smtp://mail example',
  ];
  for (const url of bad) assert.throws(() => readSmtpUrl(url), TypeError, url);
});
