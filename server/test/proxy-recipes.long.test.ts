// The recipes of docs/guides/deploying.md, as they stand there, in front of a server. `npm run test:install` gets the proxies.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ClientOptions, WebSocket } from 'ws';
import { launchProxy, PROXIES, type ProxyKind } from '../tools/test-servers/proxies.ts';
import { LOCALHOST } from './certificates.ts';
import { PERSON, PROXY, type ProxiedServer, PUBLIC_HOST, seenOf, withProxiedServer } from './proxied-server.ts';
import { type Answer, ask, type Way } from './proxy-client.ts';
import { until } from './until.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/guides/deploying.md'), 'utf8');
const ROOT = '### At the root';

interface Place {
  heading: string;
  /** Of `PUBLIC_URL`. */
  path: string;
  proxyPath: 'removed' | 'kept';
}

const PLACES: Place[] = [
  { heading: ROOT, path: '', proxyPath: 'removed' },
  { heading: '### Below a path', path: '/auth', proxyPath: 'removed' },
  { heading: '### Below a path that the proxy keeps', path: '/auth', proxyPath: 'kept' },
];

/** The only block of a language below a heading of the page. */
function blockOf(heading: string, kind: ProxyKind): string {
  const [, section = ''] = PAGE.split(`\n${heading}\n`);
  const [block = assert.fail(`${heading}: ${kind}`), ...more] = [
    ...(section.split(/^#{2,3} /m)[0] ?? '').matchAll(new RegExp(`^\`\`\`${kind}\n(.*?)^\`\`\`$`, 'gms')),
  ];
  assert.equal(more.length, 0);
  return block[1] ?? '';
}

/** A recipe with nothing but its own port, server and certificate instead of those of the page. */
function recipeOf(heading: string, kind: ProxyKind, own: { port: number; server: number; files: string }): string {
  const block = blockOf(heading, kind);
  const nginxRoot = () => replaced(blockOf(ROOT, 'nginx'), / {2}location \/ \{.*?\n {2}\}\n/s, block);
  const text = kind === 'nginx' && heading !== ROOT ? nginxRoot() : block;
  const here = replaced(text, '127.0.0.1:8000', `${PROXY}:${own.server}`);
  const pem = join(own.files, 'auth.pem');
  const key = join(own.files, 'auth.key');
  if (kind === 'haproxy')
    return replaced(here, 'bind :443 ssl crt /etc/haproxy/auth.pem', `bind ${PROXY}:${own.port} ssl crt ${pem}`);
  if (kind === 'nginx') {
    const listening = replaced(here, 'listen 443 ssl', `listen ${PROXY}:${own.port} ssl`);
    return replaced(replaced(listening, '/etc/ssl/auth.pem', pem), '/etc/ssl/auth.key', key);
  }
  const site = `https://${PUBLIC_HOST}:${own.port} {\n  bind ${PROXY}\n  tls ${pem} ${key}`;
  return replaced(here, `${PUBLIC_HOST} {`, site);
}

function replaced(text: string, what: string | RegExp, by: string): string {
  const result = text.replace(what, () => by);
  assert.notEqual(result, text, `there is no ${what} in ${text}`);
  return result;
}

for (const place of PLACES) {
  for (const kind of PROXIES) {
    test(`${place.heading.slice(4)}, ${kind}: sign-in, refresh, cookies, documentation and faults`, () =>
      withProxiedServer((server) => tryRecipe(server, place, kind), {
        PUBLIC_URL: `https://${PUBLIC_HOST}${place.path}`,
        PROXY_PATH: place.proxyPath,
        TRUSTED_HOSTS: PUBLIC_HOST,
        DOCS: 'on',
      }));
  }
}

async function tryRecipe(
  { port: server, scratch, end }: ProxiedServer,
  { heading, path }: Place,
  kind: ProxyKind,
): Promise<void> {
  writeFileSync(join(scratch.dir, 'auth.pem'), LOCALHOST.cert + LOCALHOST.key);
  writeFileSync(join(scratch.dir, 'auth.key'), LOCALHOST.key);
  const files = scratch.dir;
  const port = await launchProxy(scratch, kind, (own) => recipeOf(heading, kind, { port: own, server, files }));
  const way: Way = { port, host: PUBLIC_HOST, tls: true };
  // Health checks come first.
  await until('the proxy passes on', async () => (await ask(way, 'GET', `${path}/health`)).status === 200);

  await tryCookies(way, path);
  await tryDocs(way, path);
  await tryWebSocket(way, path);
  const forged = { 'X-Forwarded-Host': 'evil.test', 'X-Forwarded-Proto': 'http', 'X-Forwarded-For': '198.51.100.66' };
  assert.equal(await seenOf({ ...way, from: '127.0.0.9' }, forged, path), '127.0.0.9');
  const host = await ask({ ...way, host: PUBLIC_HOST }, 'GET', `${path}/api/v1/nothing`, { headers: forged });
  assert.equal(problemOf(host, 404, path).code, 'not_found');
  assert.deepEqual(await end(), [], 'nothing is wrong with the proxy');
}

function problemOf(answer: Answer, status: number, path: string): { code: string } {
  assert.equal(answer.status, status, answer.text);
  const problem = answer.json<{ code: string; type: string }>();
  assert.equal(problem.type, `${path}/docs/errors#${problem.code}`);
  return problem;
}

/** Signs in with cookies, as a page does, and refreshes. */
async function tryCookies(way: Way, path: string): Promise<void> {
  const headers = { origin: `https://${PUBLIC_HOST}`, 'X-Forwarded-Proto': 'http' };
  const body = { login: PERSON.email, password: PERSON.password };
  const login = await ask(way, 'POST', `${path}/api/v1/auth/login`, { body, headers });
  assert.equal(login.status, 200, login.text);
  const fields = login.headers['set-cookie'] ?? [];
  assert.ok(fields.length > 0);
  for (const field of fields) {
    assert.match(field, /^__Host-ostiary[^;]*=.*; Path=\/;/);
    assert.match(field, /; Secure/i);
  }
  const cookie = fields.map((field) => field.split(';')[0]).join('; ');
  const refresh = await ask(way, 'POST', `${path}/api/v1/auth/refresh`, { headers: { ...headers, cookie } });
  assert.equal(refresh.status, 200, refresh.text);
  assert.match(refresh.json<{ accessToken: string }>().accessToken, /^ey/);
  const foreign = { ...headers, cookie, origin: 'https://evil.test' };
  problemOf(await ask(way, 'POST', `${path}/api/v1/auth/refresh`, { headers: foreign }), 403, path);
}

/** Follows one's own topic, as a page of ours, and hears of the next sign-in; a page of another origin is not let in. */
async function tryWebSocket(way: Way, path: string): Promise<void> {
  const signIn = async () => {
    const body = { login: PERSON.email, password: PERSON.password, tokenTransport: 'body' };
    return (await ask(way, 'POST', `${path}/api/v1/auth/login`, { body })).json<{ accessToken: string }>().accessToken;
  };
  const token = await signIn();
  const tls: ClientOptions & { servername: string } = { servername: PUBLIC_HOST, rejectUnauthorized: false };
  const protocols = ['ostiary.v1', `bearer.${token}`];
  const open = (origin: string) =>
    new WebSocket(`wss://127.0.0.1:${way.port}${path}/api/v1/ws`, protocols, {
      ...tls,
      headers: { host: PUBLIC_HOST },
      origin,
    });
  const [, refusal] = (await once(open('https://evil.test'), 'unexpected-response')) as [unknown, IncomingMessage];
  assert.equal(refusal.statusCode, 403);

  const socket = open(`https://${PUBLIC_HOST}`);
  const messages: Record<string, unknown>[] = [];
  socket.on('message', (text) => messages.push(JSON.parse(String(text))));
  const next = (member: string, value?: string) =>
    until(
      `${member} ${value}`,
      () => messages.find((m) => m[member] && (value === undefined || m[member] === value)) ?? null,
    );
  await next('ready');
  socket.send(JSON.stringify({ subscribe: ['me'] }));
  await next('subscribed', 'me');
  await signIn();
  await next('kind', 'session.started');
  socket.close();
  await once(socket, 'close');
}

/** Opens the documentation with all that it loads, its document, and the page of a fault. */
async function tryDocs(way: Way, path: string): Promise<void> {
  const document = await ask(way, 'GET', `${path}/openapi.json`);
  assert.equal(document.status, 200);
  const { servers } = document.json<{ servers: { url: string }[] }>();
  const bases = servers.map(({ url }) => new URL(url, `https://${PUBLIC_HOST}/`).pathname.replace(/\/$/, ''));
  assert.deepEqual(bases, [path]);
  for (const page of ['/docs', '/docs/', '/redoc', '/docs/errors']) await openPage(way, `${path}${page}`);
}

async function openPage(way: Way, url: string): Promise<void> {
  const answer = await ask(way, 'GET', url);
  const { location } = answer.headers;
  if (location !== undefined) {
    assert.ok(answer.status < 400);
    return openPage(way, new URL(location, `https://${PUBLIC_HOST}${url}`).pathname);
  }
  assert.equal(answer.status, 200, `${url}: ${answer.text}`);
  assert.match(String(answer.headers['content-type']), /^text\/html/);
  for (const [, target = ''] of answer.text.matchAll(/(?:src|href|spec-url)="([^"#]+)"/g)) {
    const { host, pathname } = new URL(target, `https://${PUBLIC_HOST}${url}`);
    if (host !== PUBLIC_HOST) continue;
    assert.equal((await ask(way, 'GET', pathname)).status, 200, `${url} loads ${pathname}`);
  }
}
