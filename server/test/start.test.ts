import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { type StartServer, serverEnv, withServers } from './kill/server-process.ts';

const COMPILE = join(import.meta.dirname, '../bin/compile.js');
const RECORDER = new URL('./start-modules/record-modules.js', import.meta.url).href;
/** What Node tells of code that it did not find in its compile cache. */
const MISSED = /no transpile cache for StrippedTypeScript (\S+)|V8 code cache for \w+ (\S+) was not initialized/g;
/** Not what the run of the tests itself loads into each process. */
const OURS = /\/server\/(?:src|bin)\/|\/node_modules\//;

/** Modules that a server on SQLite may load before it listens, our own included; each takes a fifth of a millisecond and 20 to 30 KB. */
const MOST_MODULES = 1596;
/** Packages that it may load, with those that they need. A new one can often wait for the first request that needs it: `await import(…)`. */
const PACKAGES = [
  ...['typebox', 'kysely', 'lru-cache', 'rate-limiter-flexible'],
  ...[
    '@node-rs/argon2',
    '@node-rs/argon2-linux-x64-gnu',
    '@node-rs/argon2-linux-arm64-gnu',
    '@node-rs/argon2-linux-x64-musl',
  ],
  ...['pino', 'pino-std-serializers', '@pinojs/redact', 'quick-format-unescaped', 'sonic-boom', 'atomic-sleep'],
  ...['on-exit-leak-free', 'thread-stream', 'safe-stable-stringify'],
  ...['bowser', 'croner', 'suncalc', 'mmdb-lib', 'helmet', '@fastify/cookie', 'cookie', 'fastify-plugin'],
  ...['fastify', 'avvio', 'fastq', 'reusify', '@fastify/error', 'process-warning', 'toad-cache', 'rfdc', 'semver'],
  ...[
    '@fastify/proxy-addr',
    '@fastify/forwarded',
    'ipaddr.js',
    'secure-json-parse',
    'find-my-way',
    'safe-regex2',
    'ret',
  ],
  ...['fast-querystring', 'fast-decode-uri-component', 'fast-deep-equal', 'fast-uri', 'json-schema-traverse', 'dequal'],
  ...['ajv', 'ajv-formats', '@fastify/ajv-compiler'],
  ...[
    'fast-json-stringify',
    '@fastify/fast-json-stringify-compiler',
    '@fastify/merge-json-schemas',
    'json-schema-ref-resolver',
  ],
];

/** The addresses of what a server on the database in `dir` loads before it listens. */
async function loadedBefore(start: StartServer, dir: string, more: Record<string, string> = {}): Promise<string[]> {
  const file = join(dir, 'modules.json');
  const NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --import=${RECORDER}`;
  const env = serverEnv(dir, `sqlite:${dir}/db`, { MODULES_FILE: file, NODE_OPTIONS, ...more });
  await (await start({ env, dir })).end('SIGTERM');
  return JSON.parse(await readFile(file, 'utf8'));
}

test('a server loads no more than it needs before it listens', () =>
  withServers(async (dir, start) => {
    const load = () => loadedBefore(start, dir);
    const modules = await load();
    assert.deepEqual(
      (await load()).filter((url) => url.includes('/migrations/')),
      [],
      'no migration is loaded to find that all are applied',
    );
    const counts = new Map<string, number>();
    for (const url of modules) {
      const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? 'our own';
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    const list = (entries: [string, number][]) => entries.map(([name, count]) => `${name} (${count})`).join(', ');
    const added = [...counts].filter(([name]) => name !== 'our own' && !PACKAGES.includes(name));
    assert.equal(list(added), '', 'packages that are new before the server listens, with the number of their modules');
    const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, 10);
    assert.ok(modules.length > 500, 'the modules were recorded');
    assert.ok(modules.length <= MOST_MODULES, `${modules.length} modules, of ${MOST_MODULES}: ${list(most)} …`);
  }));

test('PASSKEYS=off loads nothing of passkeys but their error codes', () =>
  withServers(async (dir, start) => {
    const modules = await loadedBefore(start, dir, { PASSKEYS: 'off' });
    const own = modules.filter((url) => /\/passkeys\/|\/webauthn\//.test(url));
    assert.deepEqual(
      own.map((url) => url.replace(/.*\/src\//, '')),
      ['modules/passkeys/errors.ts'],
    );
  }));

test('what the installation compiles is all that the first start needs', () =>
  withServers(async (dir, start) => {
    const compiled = join(dir, 'compiled');
    const variables = { PATH: process.env.PATH, NODE_COMPILE_CACHE: compiled };
    await promisify(execFile)(process.execPath, [COMPILE], { cwd: dir, env: variables });

    const cache = { NODE_COMPILE_CACHE: compiled, NODE_DEBUG_NATIVE: 'COMPILE_CACHE', DOCS: 'on' };
    const server = await start({ env: serverEnv(dir, `sqlite:${dir}/db`, cache), dir });
    const { stderr } = await server.end('SIGTERM');
    assert.match(stderr, /retrieving transpile cache for StrippedTypeScript \S+\/server\/src\/app\.ts/);
    const missed = [...stderr.matchAll(MISSED)].map(([, stripped, compiled]) => stripped ?? compiled ?? '');
    assert.deepEqual(
      missed.filter((path) => OURS.test(path)),
      [],
    );
  }));
