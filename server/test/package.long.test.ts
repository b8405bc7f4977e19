import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { STRONG_KEY } from '../src/platform/config/config.testing.ts';
import { run } from '../tools/test-servers/server-process.ts';
import { testDatabases } from './databases.ts';
import { ostiary, serverEnv, withServers } from './kill/server-process.ts';
import { writeFiles, writeProject } from './outside.ts';

// A long test: it takes npm's registry, and 40 seconds of processor time.

const ROOT = join(import.meta.dirname, '../..');
const PASSWORD = 'walks the dog at seven';
/** With the types that a program needs, beside the TypeScript of this repository. */
const COMPILERS = ['typescript@5.9.3', '@types/node@26.6.6'];
/** Bytes of the package, and what may be in it. */
const LARGEST = 800_000;
const PACKED =
  /^(?:package\.json|index\.js|README\.md|bin\/(?:code|ostiary)\.js|dist\/LICENSE|dist\/.+\.(?:js|d\.ts))$/;

let folder: string;
/** An empty folder into which the package was installed, and then a module of its own was written. */
let project: string;
let files: string[];
let bytes: number;

const npm = (args: string[], cwd: string) =>
  run(['npm', ...args, '--no-audit', '--no-fund', '--no-update-notifier'], {
    cwd,
    env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` },
  });
/** The exit of a compiler: '' or what it says. */
const compiled = (compiler: string) =>
  run([process.execPath, compiler, '--project', project, '--pretty', 'false'], { cwd: project }).then(
    () => '',
    (error: Error) => error.message,
  );

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ostiary-package-'));
  project = join(folder, 'project');
  await mkdir(project);
  const options = ['--json', '--silent', '--pack-destination', folder];
  const [packed] = JSON.parse(await npm(['pack', '-w', 'server', ...options], ROOT));
  const tarball = join(folder, packed.filename);
  files = packed.files.map(({ path }: { path: string }) => path);
  bytes = (await stat(tarball)).size;
  await npm(['install', '--ignore-scripts', '--prefer-offline', tarball, ...COMPILERS], project);
  const manifest = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'));
  await writeProject(project);
  await writeFiles(project, { 'package.json': JSON.stringify({ ...manifest, type: 'module' }) });
});

after(() => rm(folder, { recursive: true, force: true }));

test('the package has what it needs, and nothing else', async () => {
  assert.deepEqual(
    files.filter((path) => !PACKED.test(path)),
    [],
  );
  assert.deepEqual(
    files.filter((path) => /\.(?:test|testing|contract|matrix)\./.test(path)),
    [],
  );
  assert.ok(bytes < LARGEST, `${bytes} bytes`);
  const migrations = await readdir(join(project, 'node_modules/ostiary/dist/modules/users/migrations'));
  assert.ok(migrations.includes('202611260000-users.js'));
});

describe('an installed package, without the scripts of any package', () => {
  const bin = () => join(project, 'node_modules/.bin/ostiary');

  for (const { name, emptyUrl } of testDatabases()) {
    test(`serves a module of its project, on ${name}`, () =>
      withServers(async (data, start) => {
        const { url, drop } = await emptyUrl();
        try {
          // In this folder are the module and its configuration file.
          // A warning would be of something that is missing.
          const more = { SECRET_KEY: STRONG_KEY, OSTIARY_PASSWORD: PASSWORD, WORKERS: name === 'sqlite' ? '1' : '2' };
          const place = { env: serverEnv(data, url, more), dir: project, bin: bin() };
          const created = await ostiary(
            ['user', 'create', '--email', 'ann@example.com', '--username', 'annie', '--role', 'superadmin'],
            place,
          );
          assert.equal(created.code, 0, created.stdout + created.stderr);
          const server = await start(place);
          const send = async (method: string, path: string, token: string | null, body?: object) => {
            const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, {
              method,
              headers: {
                ...(token !== null && { authorization: `Bearer ${token}` }),
                ...(body && { 'content-type': 'application/json' }),
              },
              ...(body && { body: JSON.stringify(body) }),
            });
            return { status: answer.status, body: (await answer.json()) as Answer };
          };
          const login = { login: 'annie', password: PASSWORD, tokenTransport: 'body' };
          const { accessToken } = (await send('POST', '/api/v1/auth/login', null, login)).body;
          const written = await send('POST', '/api/v1/notes', accessToken, { text: 'Milk' });
          assert.equal(written.status, 201);
          const { items } = (await send('GET', '/api/v1/admin/notes', accessToken)).body;
          assert.equal(items[0]?.text, 'Milk');
          const removed = await send('DELETE', `/api/v1/notes/${written.body.userId}`, accessToken);
          assert.deepEqual([removed.status, removed.body.code], [404, 'note_not_found']);
          assert.equal((await send('GET', '/ready', null)).status, 200);
          const { code, stdout, stderr } = await server.end('SIGTERM');
          assert.equal(code, 0);
          assert.doesNotMatch(stdout + stderr, /"level":"(?:warn|error)"|Warning/);
        } finally {
          await drop();
        }
      }));
  }

  test('keeps its compiled code beside the packages, and writes no migration into itself', async () => {
    assert.ok((await readdir(join(project, 'node_modules/.cache/ostiary'))).length > 0);
    const place = { env: serverEnv(folder, 'sqlite::memory:'), dir: project, bin: bin() };
    const refused = await ostiary(['migrate', 'new', 'users', 'more'], place);
    assert.match(refused.stderr, /^The configuration file adds no module users with a folder of migrations\.\n/);
    assert.equal(refused.code, 2);
    const wrote = await ostiary(['migrate', 'new', 'notes', 'more'], place);
    assert.equal(wrote.code, 0, wrote.stderr);
    await rm(wrote.stdout.trim().replace('Wrote ', ''));
  });

  test('is a server inside of a program, and in the tests of a module', () =>
    withServers(async (data) => {
      const env = { PATH: process.env.PATH, ...serverEnv(data, `sqlite:${data}/db`, { LOG_LEVEL: 'silent' }) };
      const program = spawn(process.execPath, ['program.ts'], {
        cwd: project,
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const said: string[] = [];
      const ended = once(program, 'exit');
      for await (const line of createInterface({ input: program.stdout })) {
        said.push(line);
        if (said.length === 1) assert.equal((await fetch(`${line.split(' ').at(-1)}/api/v1/notes`)).status, 401);
        if (said.length === 2) program.kill('SIGTERM');
      }
      assert.deepEqual(await ended, [0, null]);
      assert.match(said.join('\n'), /^Ostiary on http:\/\/127\.0\.0\.1:\d+\nhttp:\/\/localhost:8000\/setup#token=\S+$/);
      await run([process.execPath, '--test'], { cwd: project, env: { PATH: process.env.PATH } });
    }));

  test('has the types of what it exports, for TypeScript 5.9 and 7', async () => {
    const compilers = [join(project, 'node_modules/typescript/bin/tsc'), join(ROOT, 'node_modules/typescript/bin/tsc')];
    for (const compiler of compilers) assert.equal(await compiled(compiler), '');
    await writeFiles(project, { 'wrong.ts': WRONG });
    for (const compiler of compilers) {
      const said = await compiled(compiler);
      const lines = [...said.matchAll(/wrong\.ts\((\d+),\d+\): error TS/g)].map(([, line]) => Number(line));
      assert.deepEqual(lines, [5, 9, 11], said);
    }
  });
});

/** What is read of answers. */
interface Answer {
  accessToken: string;
  userId: string;
  code: string;
  items: { text: string }[];
}

/** A store that the module has not, an access that there is not, an event without its target. */
const WRONG = `import { defineModule, type RoutePlugin } from 'ostiary';
import * as stores from './notes/stores.ts';

export const sites = defineModule({ name: 'sites', stores,
  create: ({ storage }) => (storage.sites, {}) });
export const lists = defineModule({ name: 'lists', stores,
  create: async ({ storage, ground }) => {
    const n: number = await storage.notes.count({ userId: null }, 9);
    ground.events.describe(null, { type: 'list.counted', data: { n } });
    const routes: RoutePlugin[] = [async (app) => void app.get(
      '/lists', { config: { access: 'everyone' } }, async () => n)];
    return { routes };
  } });
`;
