import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { systemClock } from '../../platform/clock.ts';
import { directory } from '../../platform/config/config.testing.ts';
import type { Config } from '../../platform/config/config.ts';
import { loadConfig } from '../../platform/config/load-config.ts';
import { platformErrors } from '../../platform/errors.ts';
import { createRouteCatalogue } from '../../platform/http/catalogue.ts';
import { createHttpServer } from '../../platform/http/server.ts';
import { pageRoutes } from './routes.ts';

async function serve(t: TestContext, change: Partial<Config> = {}) {
  const loaded = loadConfig({ env: { ENVIRONMENT: 'test' }, cwd: directory(t) });
  const config: Config = { ...loaded.config, ...change };
  const log = pino({ level: 'silent' });
  const app = await createHttpServer({
    config,
    log,
    clock: systemClock,
    authenticate: () => null,
    rateOf: () => null,
    counters: null,
    authorize: () => 'not_granted',
    catalogue: createRouteCatalogue(),
    errorTable: platformErrors.table,
    probes: { essential: {}, helpful: {} },
    version: '1.2.3',
  });
  await app.register(pageRoutes({ config, version: '1.2.3' }));
  t.after(() => app.close());
  return { app, config };
}

test('the form pages carry their own style and script, under a policy that allows nothing else', async (t) => {
  const { app } = await serve(t);
  for (const url of ['/setup', '/reset-password', '/accept-invitation']) {
    const { statusCode, headers, body } = await app.inject(url);
    assert.equal(statusCode, 200);
    assert.equal(headers['content-type'], 'text/html; charset=utf-8');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['cache-control'], 'no-store');
    const policy = String(headers['content-security-policy']);
    for (const part of ['style', 'script']) {
      const content = new RegExp(`<${part}>([\\s\\S]*?)</${part}>`).exec(body)?.[1] ?? '';
      const hash = createHash('sha256').update(content).digest('base64');
      assert.ok(content.length > 100 && policy.includes(`${part}-src 'sha256-${hash}'`), part);
    }
    assert.doesNotMatch(policy, /unsafe-/);
    assert.doesNotMatch(body, /\son\w+=|style="|https?:\/\/|<script \w/i);
    assert.doesNotMatch(body, /<form[^>]* action=/);
  }
});

test('every field has a label, and hints and problems are tied to it', async (t) => {
  const { app } = await serve(t);
  for (const url of ['/setup', '/reset-password', '/accept-invitation']) {
    const { body } = await app.inject(url);
    for (const [input] of body.matchAll(/<input[^>]*>/g)) {
      const id = /\sid="([^"]+)"/.exec(input)?.[1];
      assert.ok(body.includes(`<label for="${id}">`) || body.includes(`<label class="choice">${input}`), input);
      assert.doesNotMatch(input, /\svalue=/);
    }
    for (const [, ids = ''] of body.matchAll(/aria-describedby="([^"]+)"/g))
      for (const id of ids.split(' ')) assert.ok(body.includes(`id="${id}"`), id);
    for (const [, id = ''] of body.matchAll(/<input[^>]* id="(\w+)"[^>]* name=/g))
      assert.ok(body.includes(`<p id="${id}-fault" class="fault"></p>`), id);
    assert.match(body, /<p id="problem" role="alert"><\/p>/);
    assert.match(body, /<html lang="en">/);
    assert.match(body, /<noscript>/);
  }
});

test('the fields are those of the contract', async (t) => {
  const { app, config } = await serve(t);
  const names = (body: string) => [...body.matchAll(/<input[^>]* name="(\w+)"/g)].map(([, name]) => name);
  const setup = (await app.inject('/setup')).body;
  assert.deepEqual(names(setup), ['email', 'username', 'password']);
  assert.match(setup, /data-to="api\/v1\/setup"/);
  assert.match(setup, new RegExp(`minlength="${config.passwords.minLength}" maxlength="1024"`));
  const reset = (await app.inject('/reset-password')).body;
  assert.deepEqual(names(reset), ['email', 'code', 'newPassword']);
  assert.match(reset, /data-to="api\/v1\/auth\/reset-password"/);
  const invitation = (await app.inject('/accept-invitation')).body;
  assert.deepEqual(names(invitation), ['email', 'code', 'fullName', 'username', 'password']);
  assert.match(invitation, /data-to="api\/v1\/auth\/accept-invitation"/);
});

test('the root tells name, version and links, as a page or as JSON', async (t) => {
  const { app, config } = await serve(t);
  const json = await app.inject({ url: '/', headers: { accept: 'application/json' } });
  assert.match(String(json.headers['content-type']), /^application\/json/);
  assert.equal(json.headers.vary, 'Accept');
  const at = (path: string) => config.publicUrl + path;
  assert.deepEqual(json.json(), {
    name: 'ostiary',
    version: '1.2.3',
    links: {
      health: at('/health'),
      docs: at('/docs'),
      redoc: at('/redoc'),
      openapi: at('/openapi.json'),
      mailbox: at('/dev/mailbox'),
    },
  });
  const page = await app.inject({ url: '/', headers: { accept: 'text/html,*/*;q=0.8' } });
  assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
  for (const url of Object.values<string>(json.json().links)) assert.ok(page.body.includes(`href="${url}"`), url);
  assert.ok(page.body.includes('1.2.3'));
});

test('the root links to nothing that is not served', async (t) => {
  const loaded = loadConfig({ env: { ENVIRONMENT: 'test' }, cwd: directory(t) }).config;
  const { app } = await serve(t, {
    environment: 'production',
    publicUrl: 'https://auth.example.com/accounts',
    http: { ...loaded.http, docs: false },
  });
  const { links } = (await app.inject({ url: '/', headers: { accept: 'application/json' } })).json();
  assert.deepEqual(links, { health: 'https://auth.example.com/accounts/health' });
});
