// What nginx, HAProxy and Caddy write by their usual directives, and clients that forge it before them. `npm run test:install` gets them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchProxy, PROXIES, type ProxyKind, proxyVersion } from '../tools/test-servers/proxies.ts';
import { PROXY, seenOf, withProxiedServer } from './proxied-server.ts';
import type { Way } from './proxy-client.ts';

const V4 = '203.0.113.7';
const V6 = '2001:db8:1:2::7';
const FORGED = '198.51.100.66';

/** What a client may send to be taken for another. Each is sent to each proxy. */
const FORGERIES: Record<string, Record<string, string | string[]>> = {
  nothing: {},
  'an address': { 'X-Forwarded-For': FORGED },
  'several addresses': { 'X-Forwarded-For': [`${FORGED}, 198.51.100.67`, FORGED] },
  'the address of a trusted proxy': { 'X-Forwarded-For': `${FORGED}, ${PROXY}, ::ffff:127.0.0.1` },
  'an open quote': { 'X-Forwarded-For': `for="${FORGED}` },
  'a list that does not end': { 'X-Forwarded-For': `${FORGED},` },
  'what nobody can read': { 'X-Forwarded-For': 'unknown, , _x, "' },
  'every other field': {
    'X-Real-IP': FORGED,
    Forwarded: `for=${FORGED};proto=http;host=evil.test`,
    'X-Forwarded-Proto': 'http',
    'X-Forwarded-Host': 'evil.test',
    'X-Forwarded-Port': '1',
    'X-Client-IP': FORGED,
    'CF-Connecting-IP': FORGED,
    'True-Client-IP': FORGED,
  },
};

/** One way of writing the client: `directives` of the proxy. */
interface Form {
  kind: ProxyKind;
  directives: string[];
}

const FORMS: Record<string, Form> = {
  'nginx-appends': { kind: 'nginx', directives: ['X-Forwarded-For $proxy_add_x_forwarded_for'] },
  'nginx-replaces': { kind: 'nginx', directives: ['X-Forwarded-For $remote_addr'] },
  'nginx-with-port': { kind: 'nginx', directives: ['X-Forwarded-For [$remote_addr]:$remote_port'] },
  'nginx-bare-port': { kind: 'nginx', directives: ['X-Forwarded-For $remote_addr:$remote_port'] },
  'nginx-brackets': { kind: 'nginx', directives: ['X-Forwarded-For [$remote_addr]'] },
  'nginx-quotes': { kind: 'nginx', directives: [`X-Forwarded-For 'for="[$remote_addr]:$remote_port";proto=https'`] },
  'nginx-all': {
    kind: 'nginx',
    directives: [
      'X-Real-IP $remote_addr',
      'X-Forwarded-For $proxy_add_x_forwarded_for',
      'X-Forwarded-Proto $scheme',
      'X-Forwarded-Host $http_host',
      'X-Forwarded-Port $server_port',
      `Forwarded 'for="[$remote_addr]";proto=$scheme'`,
    ],
  },
  'haproxy-option': { kind: 'haproxy', directives: ['option forwardfor'] },
  'haproxy-replaces': { kind: 'haproxy', directives: ['http-request set-header X-Forwarded-For %[src]'] },
  'haproxy-with-port': {
    kind: 'haproxy',
    directives: ['http-request set-header X-Forwarded-For [%[src]]:%[src_port]'],
  },
  'haproxy-quotes': {
    kind: 'haproxy',
    directives: [`http-request set-header X-Forwarded-For 'for="[%[src]]:%[src_port]"'`],
  },
  'haproxy-all': {
    kind: 'haproxy',
    directives: [
      'option forwardfor',
      'http-request set-header X-Real-IP %[src]',
      'http-request set-header X-Forwarded-Proto https',
      'http-request set-header X-Forwarded-Host %[req.hdr(host)]',
      'http-request set-header X-Forwarded-Port %[dst_port]',
      `http-request set-header Forwarded 'for="[%[src]]:%[src_port]";proto=https'`,
    ],
  },
  'caddy-default': { kind: 'caddy', directives: [] },
  'caddy-with-port': { kind: 'caddy', directives: ['header_up X-Forwarded-For {remote}'] },
  'caddy-replaces': {
    kind: 'caddy',
    directives: ['header_up X-Forwarded-For {remote_host}', 'header_up X-Real-IP {remote_host}'],
  },
};

/** All forms of a proxy in one configuration: each under the name of a host. Where the proxy can, with the PROXY protocol in front. */
const CONFIGURE: Record<ProxyKind, (forms: [string, string[]][], port: number, server: number) => string> = {
  nginx: (forms, port, server) =>
    forms
      .map(([name, directives]) => {
        const fields = ['Host $http_host', ...directives].map((field) => `proxy_set_header ${field};`);
        const real = `set_real_ip_from ${PROXY}; real_ip_header proxy_protocol;`;
        return `server { listen ${PROXY}:${port} proxy_protocol; server_name ${name}; ${real}
          location / { proxy_pass http://${PROXY}:${server}; ${fields.join('\n')} } }`;
      })
      .join('\n'),
  haproxy: (forms, port, server) =>
    [
      `frontend all\n  bind ${PROXY}:${port} accept-proxy`,
      ...forms.map(([name]) => `  use_backend ${name} if { req.hdr(host) ${name} }`),
      ...forms.map(([name, lines]) => `backend ${name}\n  ${lines.join('\n  ')}\n  server one ${PROXY}:${server}`),
    ].join('\n'),
  caddy: (forms, port, server) =>
    forms
      .map(
        ([name, lines]) =>
          `http://${name}:${port} {\n bind ${PROXY} ::1\n reverse_proxy ${PROXY}:${server} {\n ${lines.join('\n ')}\n }\n}`,
      )
      .join('\n'),
};

/** A client of each family, as far as a proxy takes what is reported of it: Caddy has no such listener. */
const clientsOf = (kind: ProxyKind): [string, Partial<Way>][] =>
  kind === 'caddy'
    ? [
        ['127.0.0.9', { from: '127.0.0.9' }],
        ['::1', { at: '::1' }],
      ]
    : [V4, V6].map((address) => [address, { reported: address }]);

const formsOf = (kind: ProxyKind) => Object.entries(FORMS).filter(([, form]) => form.kind === kind);

for (const kind of PROXIES) {
  test(`${kind}: a client is seen by its own address, however that is written and whatever the client claims`, async (t) => {
    t.diagnostic(await proxyVersion(kind));
    await withProxiedServer(async ({ port: server, scratch, end }) => {
      const forms = formsOf(kind).map(([name, { directives }]): [string, string[]] => [name, directives]);
      const port = await launchProxy(scratch, kind, (own) => CONFIGURE[kind](forms, own, server));
      for (const [name] of forms) {
        for (const [client, way] of clientsOf(kind)) {
          for (const [what, headers] of Object.entries(FORGERIES))
            assert.equal(await seenOf({ port, host: name, ...way }, headers), client, `${name}, ${client}: ${what}`);
        }
      }
      // Only the forger of another field, past a proxy that leaves it, is told of.
      for (const [proxy, words] of await end()) {
        assert.equal(proxy, PROXY);
        assert.match(words, /if no client made it up/);
      }
    });
  });
}

/** What leaves the server without the client, or with whom the client says it is. */
const SILENT: Record<string, Form> = {
  'nginx, X-Real-IP alone': { kind: 'nginx', directives: ['X-Real-IP $remote_addr'] },
  'nginx, Forwarded alone': { kind: 'nginx', directives: [`Forwarded 'for="[$remote_addr]:$remote_port"'`] },
  'haproxy, Forwarded alone': {
    kind: 'haproxy',
    directives: [`http-request set-header Forwarded 'for="[%[src]]:%[src_port]"'`],
  },
};

for (const [name, { kind, directives }] of Object.entries(SILENT)) {
  test(`${name}: the proxy is taken for the client, and the log says why, and who could be anybody`, () =>
    withProxiedServer(async ({ port: server, scratch, end }) => {
      const port = await launchProxy(scratch, kind, (own) => CONFIGURE[kind]([['silent', directives]], own, server));
      const way = { port, host: 'silent', reported: V4 };
      for (let round = 0; round < 2; round++) assert.equal(await seenOf(way), PROXY);
      for (let round = 0; round < 2; round++) assert.equal(await seenOf(way, { 'X-Forwarded-For': FORGED }), FORGED);
      const told = await end();
      assert.deepEqual(
        told.map(([proxy]) => proxy),
        [PROXY, PROXY],
      );
      assert.match(told[0]?.[1] ?? '', /in Forwarded or X-Real-IP only/);
      assert.match(told[1]?.[1] ?? '', /can choose the address that counts/);
    }));
}

test('haproxy, if-none: the client is whom it claims to be, as docs/guides/deploying.md warns', () =>
  withProxiedServer(async ({ port: server, scratch }) => {
    const forms: [string, string[]][] = [['if-none', ['option forwardfor if-none']]];
    const port = await launchProxy(scratch, 'haproxy', (own) => CONFIGURE.haproxy(forms, own, server));
    const way = { port, host: 'if-none', reported: V4 };
    assert.equal(await seenOf(way), V4);
    assert.equal(await seenOf(way, { 'X-Forwarded-For': FORGED }), FORGED);
  }));

test('a proxy that is not in TRUSTED_PROXIES is the client, and the log names it', () =>
  withProxiedServer(
    async ({ port: server, scratch, end }) => {
      const forms: [string, string[]][] = [['appends', ['X-Forwarded-For $proxy_add_x_forwarded_for']]];
      const port = await launchProxy(scratch, 'nginx', (own) => CONFIGURE.nginx(forms, own, server));
      assert.equal(await seenOf({ port, host: 'appends', reported: V4 }), PROXY);
      assert.deepEqual(
        (await end()).map(([proxy, words]) => [proxy, /add that to TRUSTED_PROXIES/.test(words)]),
        [[PROXY, true]],
      );
    },
    { TRUSTED_PROXIES: '192.0.2.0/24' },
  ));

/** A proxy in the middle of a chain, which adds whom it heard. */
const NEXT: Record<ProxyKind, (port: number, server: number) => string> = {
  nginx: (port, server) => `server { listen ${PROXY}:${port}; location / { proxy_pass http://${PROXY}:${server};
    proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } }`,
  haproxy: (port, server) =>
    `frontend next\n  bind ${PROXY}:${port}\n  default_backend b\nbackend b\n  option forwardfor\n  server one ${PROXY}:${server}`,
  caddy: (port, server) =>
    `http://:${port} {\n bind ${PROXY}\n reverse_proxy ${PROXY}:${server} {\n  trusted_proxies ${PROXY}/32\n }\n}`,
};

const CHAINS: [string, ...ProxyKind[]][] = [
  ['nginx-appends', 'haproxy'],
  ['nginx-quotes', 'haproxy'],
  ['nginx-appends', 'caddy'],
  ['haproxy-option', 'nginx'],
  ['haproxy-with-port', 'nginx', 'haproxy'],
  ['caddy-default', 'haproxy'],
  ['caddy-with-port', 'nginx'],
  ['nginx-replaces', 'haproxy', 'nginx', 'caddy'],
];

test('through several proxies a client is seen by its own address, whatever it claims', () =>
  withProxiedServer(async ({ port: server, scratch }) => {
    for (const [name, ...rest] of CHAINS) {
      let next = server;
      for (const kind of rest.toReversed()) {
        const target = next;
        next = await launchProxy(scratch, kind, (own) => NEXT[kind](own, target));
      }
      const { kind, directives } = FORMS[name] ?? assert.fail(name);
      const port = await launchProxy(scratch, kind, (own) => CONFIGURE[kind]([[name, directives]], own, next));
      for (const [client, way] of clientsOf(kind)) {
        for (const [what, headers] of Object.entries(FORGERIES))
          assert.equal(await seenOf({ port, host: name, ...way }, headers), client, `${name} ${rest}: ${what}`);
      }
    }
  }));
