import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { STRONG_KEY } from './config.testing.ts';
import { InvalidValue } from './config-error.ts';
import { dkimKey, dkimSelector } from './dkim-key.ts';
import { loadConfig } from './load-config.ts';

const rsa = (modulusLength: number) =>
  generateKeyPairSync('rsa', { modulusLength }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

test('an RSA key of 2048 bits is read, also in one line', () => {
  const key = rsa(2048);
  assert.equal(dkimKey(key, '/'), key);
  assert.equal(dkimKey(key.replaceAll('\n', '\\n'), '/'), key);
});

test('weaker keys, other kinds, public keys and rubbish are refused, and never repeated', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const bad = [
    rsa(1024),
    privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    'rubbish',
    '',
  ];
  for (const text of bad) {
    assert.throws(
      () => dkimKey(text, '/'),
      (error: unknown) => {
        assert.ok(error instanceof InvalidValue);
        assert.ok(text === '' || !`${error.problem} ${error.fix}`.includes(text));
        return true;
      },
    );
  }
});

test('a selector is one DNS label, or several', () => {
  for (const text of ['mail2026', 'a.b-c', 'S1']) assert.equal(dkimSelector(text, '/'), text);
  for (const text of ['', '.', 'a..b', '-a', 'a-', 'a b', 'a_b', 'x'.repeat(64), 'a;b']) {
    assert.throws(() => dkimSelector(text, '/'), InvalidValue, text);
  }
});

test('a key without a selector, and a selector without a key, are faults', () => {
  const env = { SECRET_KEY: 'Vw8C1l0kzv7bJ5nq2h9TtE3yXgRmPd6S', DATABASE_URL: 'sqlite::memory:' };
  for (const half of [{ MAIL_DKIM_KEY: rsa(2048) }, { MAIL_DKIM_SELECTOR: 'mail' }]) {
    assert.throws(
      () => loadConfig({ env: { ...env, ...half }, cwd: '/nowhere' }),
      /MAIL_DKIM_\w+ is missing, and the other one/,
    );
  }
});

test('the domain is that of the sender or one above it; with no key it is a fault', () => {
  const env = { ENVIRONMENT: 'test', DATABASE_URL: 'sqlite::memory:', SECRET_KEY: STRONG_KEY };
  const mail = { MAIL_DKIM_KEY: rsa(2048), MAIL_DKIM_SELECTOR: 'mail', MAIL_FROM: 'Shop <a@mail.example.com>' };
  const load = (domain?: string) => loadConfig({ env: { ...env, ...mail, MAIL_DKIM_DOMAIN: domain }, cwd: '/nowhere' });
  assert.equal(load().config.mail.dkim?.domain, null);
  for (const domain of ['Example.com', 'mail.example.com']) {
    const { config, warnings } = load(domain);
    assert.equal(config.mail.dkim?.domain, domain.toLowerCase());
    assert.deepEqual(warnings, []);
  }
  for (const domain of ['other.example', 'a.mail.example.com', 'ample.com']) {
    assert.match(load(domain).warnings.join(), /^MAIL_DKIM_DOMAIN is neither/);
  }
  assert.throws(
    () => loadConfig({ env: { ...env, MAIL_DKIM_DOMAIN: 'example.com' }, cwd: '/nowhere' }),
    /MAIL_DKIM_DOMAIN is set, but mails are not signed/,
  );
});
