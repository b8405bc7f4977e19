import assert from 'node:assert/strict';
import { chmod, chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import * as frontDoor from '../src/index.ts';
import { defineErrors, defineModule, type Module } from '../src/index.ts';
import { createApp } from '../src/library.ts';
import { loadModules } from '../src/load-modules.ts';
import { testDatabases } from './databases.ts';
import { ostiary, serverEnv, withServers } from './kill/server-process.ts';
import { linkRepository, writeFiles, writeProject } from './outside.ts';

const PASSWORD = 'walks the dog at seven';
const JSON_BODY = { 'content-type': 'application/json' };
const [sqlite = assert.fail()] = testDatabases({});

interface Answer {
  accessToken: string;
  text: string;
  items: { text: string }[];
}

/** A project with the module of notes beside this repository. */
async function withProject(run: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'ostiary-project-'));
  try {
    await writeProject(dir);
    await linkRepository(dir);
    await run(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

const notesIn = async (dir: string): Promise<Module> =>
  (await import(pathToFileURL(join(dir, 'notes/module.ts')).href)).notes;

describe('a module outside of this repository', () => {
  for (const { name, emptyUrl } of testDatabases()) {
    test(`is a part of a server that a program embeds, on ${name}`, () =>
      withProject(async (dir) => {
        const { url, drop } = await emptyUrl();
        const env = serverEnv(dir, url, { LOG_LEVEL: 'silent' });
        const server = await createApp({ env, cwd: dir, modules: [await notesIn(dir)] });
        const call = async (method: 'GET' | 'POST' | 'DELETE', path: string, token?: string, body?: object) => {
          const headers = { ...(token && { authorization: `Bearer ${token}` }), ...(body && JSON_BODY) };
          const given = body && { payload: JSON.stringify(body) };
          const answer = await server.http.inject({ method, url: `/api/v1${path}`, headers, ...given });
          return { status: answer.statusCode, body: answer.body === '' ? null : answer.json() };
        };
        try {
          const link = await server.setupLink();
          const token = link?.split('#token=')[1];
          const root = { email: 'root@example.com', username: 'rooty', password: PASSWORD };
          assert.equal((await call('POST', '/setup', undefined, { token, ...root })).status, 201);
          assert.equal(await server.setupLink(), null);
          const login = { login: 'rooty', password: PASSWORD, tokenTransport: 'body' };
          const { accessToken }: Answer = (await call('POST', '/auth/login', undefined, login)).body;

          const written = await call('POST', '/notes', accessToken, { text: 'Milk' });
          assert.equal(written.status, 201);
          assert.equal((await call('GET', '/admin/notes', accessToken)).body.items[0].text, 'Milk');
          const lost = await call('DELETE', `/notes/${written.body.userId}`, accessToken);
          assert.deepEqual([lost.status, lost.body.code], [404, 'note_not_found']);
          const seen = await call('GET', '/admin/events?type=note.*', accessToken);
          assert.deepEqual(
            seen.body.items.map(({ type }: { type: string }) => type),
            ['note.written'],
          );
          const routes = await call('GET', '/admin/routes', accessToken);
          assert.ok(JSON.stringify(routes.body).includes('GET:/api/v1/admin/notes'), 'it can be granted');

          const address = await server.listen();
          assert.equal((await fetch(`${address}/api/v1/notes`)).status, 401);
        } finally {
          await server.close();
          await server.close();
          await drop();
        }
      }));
  }

  test('is a part of what every command does, once the configuration file lists it', () =>
    withProject(async (dir) => {
      const env = serverEnv(dir, `sqlite:${dir}/db`);
      const command = async (...args: string[]) => {
        const outcome = await ostiary(args, { env: { ...env, OSTIARY_PASSWORD: PASSWORD }, dir });
        assert.equal(outcome.code, 0, outcome.stdout + outcome.stderr);
        return outcome.stdout;
      };
      assert.match(await command('migrate', 'status'), /202701010000-begin {2}pending/);
      await command('user', 'create', '--email', 'ann@example.com', '--username', 'annie');
      assert.match(await command('migrate', 'status'), /202701010000-begin {2}applied/);
      assert.match(await command('doctor'), /ok +modules +added: notes/);
      const { paths, tags } = JSON.parse(await command('openapi'));
      assert.ok(paths['/api/v1/notes/{id}'].patch);
      assert.ok(tags.some((tag: { name: string }) => tag.name === 'Notes'));
      const wrote = (await command('migrate', 'new', 'notes', 'size')).trim().replace('Wrote ', '');
      assert.ok(wrote.startsWith(join(dir, 'notes/migrations/')), wrote);
      assert.match(await readFile(wrote, 'utf8'), /^import type \{ Columns, Db, Kysely \} from 'ostiary';\n\n/);

      await writeFiles(dir, { 'elsewhere/none.ts': 'export default { modules: [] };' });
      const without = await ostiary(['user', 'create', '--email', 'bob@example.com'], {
        env: { ...env, OSTIARY_CONFIG: './elsewhere/none.ts', OSTIARY_PASSWORD: PASSWORD },
        dir,
      });
      assert.equal(without.code, 1);
      assert.match(
        without.stderr,
        /^The database has migrations .*\(202701010000-begin\).*the module of your own.*\n$/,
      );
    }));

  test('is served by every process', () =>
    withServers(async (dir, start) => {
      await writeProject(dir);
      await linkRepository(dir);
      // SQLite serves one.
      const { name, emptyUrl } = testDatabases().at(-1) ?? sqlite;
      const { url, drop } = await emptyUrl();
      try {
        const server = await start({ env: serverEnv(dir, url, { WORKERS: name === 'sqlite' ? '1' : '2' }), dir });
        assert.equal((await fetch(`http://127.0.0.1:${server.port}/api/v1/notes`)).status, 401);
        assert.equal((await server.end('SIGTERM')).code, 0);
      } finally {
        await drop();
      }
    }));
});

const module = (more: string) => `export default { modules: [{ name: 'sites', create: () => ({}), ${more} }] };`;
const routeAt = (kind: 'routes' | 'pages', path: string) =>
  module(`create: () => ({ ${kind}: [async (app) => {
    app.get('${path}', { config: { access: 'public' }, schema: { hide: true } }, () => 1);
  }] })`);
const TAKEN_ROUTE = routeAt('routes', '/users/me');

/** A folder with this configuration file, and the settings of a server there. */
async function withConfig(
  file: string,
  run: (dir: string, env: Record<string, string>) => Promise<void>,
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'ostiary-config-'));
  try {
    await writeFiles(dir, {
      'package.json': '{ "type": "module" }',
      'ostiary.config.ts': file,
      'taken/202611200000-users.ts': '',
      'misnamed/add-phone.ts': '',
    });
    await run(dir, serverEnv(dir, 'sqlite::memory:', { LOG_LEVEL: 'silent' }));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

describe('a configuration file that cannot be used stops the start with one sentence', () => {
  const CASES: Record<string, [file: string, sentence: RegExp]> = {
    'that is not TypeScript': ['export default {', /ostiary\.config\.ts cannot be loaded: .*config\.ts/],
    'that throws': [
      "throw new Error('not today');",
      /config\.ts cannot be loaded: not today \(.*ostiary\.config\.ts:1:\d+\)/,
    ],
    'that imports what is not there': ["import './sites.ts';", /cannot be loaded: Cannot find module .*sites\.ts/],
    'that exports nothing': ['export const modules = [];', /must export default \{ modules: \[ … \] \}\./],
    'with a key that means nothing': [
      'export default { modules: [], module: [] };',
      /config\.ts has module, which means/,
    ],
    'with a misspelt key': [module('error: []'), /modules\[0\] of .*config\.ts has error, which means nothing\./],
    'without create': [
      "export default { modules: [{ name: 'sites' }] };",
      /modules\[0\] of .* needs a create, a function\./,
    ],
    'with a path for migrations': [module("migrations: './migrations'"), /must be a URL: new URL/],
    'with a taken name': [
      module('').replace('sites', 'users'),
      /The module users cannot be added: another module has this name\./,
    ],
    'with a malformed name': [module('').replace('sites', 'My Sites'), /My Sites cannot .* lower-case words/],
    'with a name twice': [
      `${module('').replace('export default', 'const one =')} export default { modules: [...one.modules, ...one.modules] };`,
      /The module sites cannot be added: another/,
    ],
    'with a taken error code': [
      module("errors: [{ table: { not_found: { status: 404, title: 'Gone.' } } }]"),
      /The module sites cannot be added: Two error tables define not_found\.$/,
    ],
    'with a taken tag': [module("tags: [{ name: 'Users', description: '' }]"), /there is a tag Users already\./],
    'with a taken route': [TAKEN_ROUTE, /The module sites cannot be added: Two routes .*GET:\/api\/v1\/users\/me\.$/],
    'with a route that differs in the name of a parameter only': [
      routeAt('routes', '/admin/users/:other'),
      /The module sites cannot be added: Method 'GET' already declared .*users\/:other'\.$/,
    ],
    'with a taken page': [
      routeAt('pages', '/reset-password'),
      /The module sites cannot be added: Two routes .*GET:\/reset-password\.$/,
    ],
    'with a taken migration': [
      module("migrations: new URL('./taken/', import.meta.url)"),
      /Two modules have a migration 202611200000-users/,
    ],
    'with a misnamed migration': [
      module("migrations: new URL('./misnamed', import.meta.url)"),
      /add-phone\.ts is not\./,
    ],
    'without its folder of migrations': [
      module("migrations: new URL('./nowhere/', import.meta.url)"),
      /sites cannot be added: .*nowhere/,
    ],
  };
  for (const [what, [file, sentence]] of Object.entries(CASES)) {
    test(what, () =>
      withConfig(file, async (dir, env) => {
        const start = async () => createApp({ env, cwd: dir, modules: await loadModules({ configFile: null }, dir) });
        await assert.rejects(start, (error: Error) => {
          assert.equal(error.name, 'ModuleError');
          assert.match(error.message, sentence);
          assert.doesNotMatch(error.message, /\n/, 'one line');
          return true;
        });
      }),
    );
  }

  for (const command of ['serve', 'openapi']) {
    test(`by ${command}`, () =>
      withConfig(TAKEN_ROUTE, async (dir, env) => {
        const { code, stderr, stdout } = await ostiary([command], { env, dir });
        assert.equal(code, 1, stdout);
        assert.match(stderr, /^The module sites cannot be added: [^\n]+ GET:\/api\/v1\/users\/me\.\n$/);
      }));
  }

  test('which doctor tells, with everything else', () =>
    withConfig('export default {', async (dir, env) => {
      const { code, stdout } = await ostiary(['doctor'], { env, dir });
      assert.equal(code, 1);
      assert.match(stdout, /^wrong +modules +.*ostiary\.config\.ts cannot be loaded: /m);
      assert.match(stdout, /^ok +mail /m);
    }));

  test('also one of somebody else in a folder that everybody can write to, unless it is named', (t) => {
    if (process.getuid?.() !== 0) return t.skip('only root can give a file away');
    return withConfig('export default { modules: [] };', async (dir) => {
      const file = join(dir, 'ostiary.config.ts');
      await chown(file, 65534, 65534);
      assert.deepEqual(await loadModules({ configFile: null }, dir), []);
      await chmod(dir, 0o1777);
      await assert.rejects(loadModules({ configFile: null }, dir), { name: 'ModuleError', message: /somebody else/ });
      assert.deepEqual(await loadModules({ configFile: file }, dir), []);
      await chown(file, 0, 0);
      assert.deepEqual(await loadModules({ configFile: null }, dir), []);
    });
  });

  test('also one that OSTIARY_CONFIG names and that is not there', () =>
    withServers(async (dir) => {
      const env = serverEnv(dir, 'sqlite::memory:', { OSTIARY_CONFIG: './none.ts' });
      const { code, stderr } = await ostiary(['serve'], { env, dir });
      assert.equal(code, 1);
      assert.match(stderr, /^[^\n]+none\.ts cannot be loaded: [^\n]+\n$/);
    }));
});

test('a program whose module cannot be added gets the error, and nothing stays open', async () => {
  const { url, drop } = await sqlite.emptyUrl();
  const dir = await mkdtemp(join(tmpdir(), 'ostiary-embedded-'));
  const env = serverEnv(dir, url, { LOG_LEVEL: 'silent' });
  try {
    const errors = [defineErrors({ not_found: { status: 404, title: 'Gone.' } })];
    const sites = defineModule({ name: 'sites', errors, create: () => ({}) });
    await assert.rejects(createApp({ env, cwd: dir, modules: [sites] }), { name: 'ModuleError' });
    const broken = defineModule({ name: 'sites', create: () => Promise.reject(new Error('not today')) });
    await assert.rejects(createApp({ env, cwd: dir, modules: [broken] }), { message: 'not today' });
    const server = await createApp({ env, cwd: dir });
    await server.close();
  } finally {
    await rm(dir, { recursive: true, force: true });
    await drop();
  }
});

test('a module that imports another copy of Ostiary than the server stops the start', () =>
  withConfig(
    "import { defineModule } from 'ostiary';\nexport default { modules: [defineModule({})] };",
    async (dir, env) => {
      const copy = join(dir, 'node_modules/ostiary');
      await writeFiles(copy, {
        'package.json': '{ "name": "ostiary", "type": "module", "exports": "./src/module.js" }',
        'src/module.js': stripTypeScriptTypes(await readFile(join(import.meta.dirname, '../src/module.ts'), 'utf8')),
      });
      const { code, stderr } = await ostiary(['serve'], { env, dir });
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^[^\n]+ostiary\.config\.ts cannot be loaded: there are two copies of Ostiary, [^\n]+ and [^\n]+\n$/,
      );
    },
  ));

test('index.js gives every value that src/index.ts has, and no other', async () => {
  const given = await import('ostiary');
  assert.deepEqual(Object.keys(given).sort(), Object.keys(frontDoor).sort());
  assert.equal(given.createApp, createApp, 'and the same: there is one server in a process');
});
