import assert from 'node:assert/strict';
import { test } from 'node:test';
import { directory, faulty } from './config.testing.ts';
import { loadConfig } from './load-config.ts';

const passkeysOf = (t: Parameters<typeof directory>[0], env: Record<string, string>) =>
  loadConfig({ env: { ENVIRONMENT: 'test', DATABASE_URL: 'sqlite::memory:', ...env }, cwd: directory(t) });

test('passkeys belong to the host of PUBLIC_URL, and work on all own addresses that belong to it', (t) => {
  const own = passkeysOf(t, {
    PUBLIC_URL: 'https://auth.example.com/accounts',
    PAGES_URL: 'https://app.example.com',
    CORS_ORIGINS: '*,https://admin.auth.example.com,https://evilauth.example.com,capacitor://auth.example.com',
  });
  const origins = ['https://auth.example.com', 'https://admin.auth.example.com'];
  assert.deepEqual(own.config.passkeys, { rpId: 'auth.example.com', origins });
  const above = passkeysOf(t, {
    PUBLIC_URL: 'https://auth.example.com',
    PAGES_URL: 'https://app.example.com',
    PASSKEY_RP_ID: 'Example.com',
  });
  assert.deepEqual(above.config.passkeys, {
    rpId: 'example.com',
    origins: ['https://auth.example.com', 'https://app.example.com'],
  });
});

test('PASSKEY_ORIGINS replaces them, also by those of other domains and of Android apps', (t) => {
  const app = `android:apk-key-hash:${'A'.repeat(43)}`;
  const PASSKEY_ORIGINS = `https://shop.example,http://localhost:5173,${app}`;
  const { config } = passkeysOf(t, { PUBLIC_URL: 'https://auth.example.com', PASSKEY_ORIGINS });
  assert.deepEqual(config.passkeys?.origins, ['https://shop.example', 'http://localhost:5173', app]);
});

test('PASSKEYS=off leaves nothing', (t) => {
  assert.equal(passkeysOf(t, { PASSKEYS: 'off' }).config.passkeys, null);
});

test('an address that has no passkeys is a fault, and an id without an address a warning', (t) => {
  for (const PASSKEY_ORIGINS of [
    'http://app.example.com',
    '*',
    'https://app.example.com/',
    'capacitor://localhost',
    'android:apk-key-hash:short',
  ]) {
    assert.deepEqual(faulty({ PASSKEY_ORIGINS }, directory(t)), ['PASSKEY_ORIGINS'], PASSKEY_ORIGINS);
  }
  assert.deepEqual(faulty({ PASSKEY_RP_ID: 'https://example.com' }, directory(t)), ['PASSKEY_RP_ID']);
  assert.deepEqual(faulty({ PASSKEY_RP_ID: '127.0.0.1' }, directory(t)), ['PASSKEY_RP_ID']);
  const { warnings } = passkeysOf(t, { PUBLIC_URL: 'http://127.0.0.1:8000' });
  assert.ok(
    warnings.some((warning) => warning.startsWith('PASSKEYS is on')),
    warnings.join(),
  );
});
