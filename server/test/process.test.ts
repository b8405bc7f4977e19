import assert from 'node:assert/strict';
import { cp, readFile, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { after } from '../src/platform/clock.ts';
import { loadConfig } from '../src/platform/config/load-config.ts';
import { logOptions } from '../src/platform/telemetry/log.ts';
import { openApp, openDatabase } from '../src/start.ts';
import { type DatabaseName, type FreshDatabase, testDatabases } from './databases.ts';
import { createHttpClient } from './kill/http-client.ts';
import { type Outcome, ostiary, serverEnv, setupLink, withServers } from './kill/server-process.ts';

const ROOT = join(import.meta.dirname, '../..');
const PASSWORD = 'walks the dog at seven';
/** Milliseconds in which a setup link comes after the server listens, and in which none came where none should. */
const LINK_PATIENCE = 20_000;
const NO_LINK_PATIENCE = 500;
const databases = testDatabases();
const sqlite = databaseNamed('sqlite');
const SERVERS: Record<string, string> = { postgres: 'PostgreSQL', mysql: 'MySQL', mongodb: 'MongoDB' };

function databaseNamed(name: DatabaseName) {
  const found = databases.find((database) => database.name === name);
  assert.ok(found);
  return found;
}

/** A folder, an empty database, and the ends of both. */
async function withDatabase(
  { emptyUrl }: { emptyUrl(): Promise<FreshDatabase> },
  run: (place: { dir: string; url: string; start: Parameters<Parameters<typeof withServers>[0]>[1] }) => Promise<void>,
): Promise<void> {
  const { url, drop } = await emptyUrl();
  try {
    await withServers((dir, start) => run({ dir, url, start }));
  } finally {
    await drop();
  }
}

/** A port on which nobody listens, right now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** The one sentence that a command ended with: exit code 1, no stack, and nothing else on standard error. */
function oneSentence({ code, stderr, stdout }: Outcome): string {
  assert.equal(code, 1, stdout + stderr);
  assert.doesNotMatch(stdout + stderr, /\n\s+at |node:internal|\.ts:\d/);
  assert.match(stderr, /^[^\n]+[.?]\n$/, 'one line, a whole sentence');
  return stderr.trim();
}

describe('what an operator gets to see', { concurrency: 2 }, () => {
  test('a DATABASE_URL that is none: exit 1, one fault, what would be right', () =>
    withServers(async (dir) => {
      const { code, stderr } = await ostiary(['serve'], {
        env: serverEnv(dir, 'oracle://sys:tiger-secret@host/db'),
        dir,
      });
      assert.equal(code, 1);
      assert.match(stderr, /DATABASE_URL/);
      assert.match(stderr, /sqlite:.*postgres:.*mysql:.*mongodb:/s);
      assert.doesNotMatch(stderr, /tiger-secret|\n\s+at /);
    }));

  for (const [scheme, product] of Object.entries(SERVERS)) {
    test(`${product} is away: one sentence, exit 1, without the password`, () =>
      withServers(async (dir) => {
        const url = `${scheme}://somebody:tiger-secret@127.0.0.1:${await freePort()}/ostiary`;
        const sentence = oneSentence(await ostiary(['serve'], { env: serverEnv(dir, url), dir }));
        assert.match(sentence, new RegExp(`${product}.* at 127\\.0\\.0\\.1:\\d+ refuses connections`));
        assert.doesNotMatch(sentence, /tiger-secret/);
      }));
  }

  for (const database of databases.filter(({ name }) => name !== 'sqlite')) {
    test(`wrong credentials for ${database.name}: one sentence, exit 1, without the password`, () =>
      withDatabase(database, async ({ dir, url }) => {
        const wrong = new URL(url);
        // The MongoDB of a test run may know no users; asked for one, it refuses it all the same.
        if (wrong.username === '') wrong.username = 'somebody';
        wrong.password = 'tiger-secret';
        const sentence = oneSentence(await ostiary(['serve'], { env: serverEnv(dir, wrong.href), dir }));
        assert.match(sentence, /refuses the user "\w+" with this password/);
        assert.doesNotMatch(sentence, /tiger-secret/);
      }));
  }

  for (const database of databases) {
    test(`another SECRET_KEY than that of the database, on ${database.name}: refused, exit 1`, () =>
      withDatabase(database, async ({ dir, url, start }) => {
        const server = await start({ env: serverEnv(dir, url), dir });
        assert.equal((await server.end('SIGTERM')).code, 0);
        const env = serverEnv(dir, url, { SECRET_KEY: 'another secret key, 0123456789 0123456789' });
        const outcome = await ostiary(['serve'], { env, dir });
        assert.equal(outcome.code, 1, outcome.stdout + outcome.stderr);
        assert.match(outcome.stderr, /^SECRET_KEY is not the one that this database was made with/);
        assert.doesNotMatch(outcome.stdout + outcome.stderr, /another secret|\n\s+at /);
      }));
  }

  test('a port that is in use: one sentence, exit 1', () =>
    withDatabase(sqlite, async ({ dir, url, start }) => {
      const { port } = await start({ env: serverEnv(dir, url), dir });
      const second = await ostiary(['serve'], { env: serverEnv(dir, url, { PORT: String(port) }), dir });
      assert.match(oneSentence(second), new RegExp(`127\\.0\\.0\\.1:${port}: another program listens there; set PORT`));
    }));

  test('production without its settings: every fault in one go, exit 1', () =>
    withServers(async (dir) => {
      const { code, stderr, stdout } = await ostiary(['serve'], {
        env: { ENVIRONMENT: 'production', CORS_ORIGINS: '*' },
        dir,
      });
      assert.equal(code, 1);
      assert.equal(stdout, '');
      for (const name of ['SECRET_KEY', 'PUBLIC_URL', 'SMTP_URL', 'MAIL_FROM', 'CORS_ORIGINS']) {
        assert.match(stderr, new RegExp(`\\b${name}\\b`), `${name} in:\n${stderr}`);
      }
      assert.doesNotMatch(stderr, /\n\s+at /);
    }));

  test('migrate status, up, down, and a migration that is new', () =>
    withDatabase(sqlite, async ({ dir, url }) => {
      const copy = join(dir, 'copy');
      for (const part of ['src', 'bin', 'package.json']) {
        await cp(join(ROOT, 'server', part), join(copy, 'server', part), { recursive: true });
      }
      await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
      const bin = join(copy, 'server/bin/ostiary.js');
      const run = async (...args: string[]) => {
        const outcome = await ostiary(args, { env: serverEnv(dir, url), dir, bin });
        assert.deepEqual([outcome.code, outcome.stderr], [0, ''], outcome.stdout + outcome.stderr);
        return outcome.stdout.trim();
      };

      const fresh = (await run('migrate', 'status')).split('\n');
      assert.ok(fresh.length >= 6 && fresh.every((line) => /^\d{12}-[\w-]+ +pending$/.test(line)), fresh.join('\n'));
      assert.match(await run('migrate', 'up'), /^Applied .*users.*\.$/);

      const wrote = /^Wrote (.*-add-things\.ts)$/.exec(await run('migrate', 'new', 'users', 'add-things'))?.[1] ?? '';
      assert.ok(wrote.startsWith(join(copy, 'server/src/modules/users/migrations')), wrote);
      assert.match(await readFile(wrote, 'utf8'), /export const sql = \{.*export const mongo = \{/s);
      assert.match(await run('migrate', 'up'), /^Applied \S*add-things\.$/);
      assert.match(await run('migrate', 'down'), /^Reverted \S*add-things\.$/);
      const wrong = await ostiary(['migrate', 'new', '../users', 'x'], { env: serverEnv(dir, url), dir, bin });
      assert.equal(wrong.code, 2);
    }));

  test('user create reads OSTIARY_PASSWORD or standard input, user grant makes superadmins, doctor tells how things stand', () =>
    withDatabase(sqlite, async ({ dir, url, start }) => {
      const env = serverEnv(dir, url);
      const before = await ostiary(['doctor'], { env, dir });
      assert.equal(before.code, 0, before.stderr);
      assert.match(before.stdout, /^ok +database +SQLite [\d.]+$/m);
      assert.match(before.stdout, /migrations +0 applied, \d+ pending/);

      const root = ['user', 'create', '--email', 'root@example.com', '--username', 'root', '--role', 'superadmin'];
      const first = await ostiary(root, { env: { ...env, OSTIARY_PASSWORD: PASSWORD }, dir });
      assert.match(first.stdout, /^Created superadmin root@example\.com \([0-9a-f-]{36}\)\.\n$/, first.stderr);
      assert.doesNotMatch(first.stdout + first.stderr, new RegExp(PASSWORD));
      const ann = await ostiary(['user', 'create', '--email', 'ann@example.com'], {
        env,
        dir,
        input: `${PASSWORD} or so\n`,
      });
      assert.match(ann.stdout, /^Created user ann@example\.com \([0-9a-f-]{36}\)\.\n$/, ann.stderr);
      const again = await ostiary(root, { env: { ...env, OSTIARY_PASSWORD: PASSWORD }, dir });
      assert.equal(again.code, 1);
      assert.match(again.stderr, /^[^\n]*taken[^\n]*\n$/i);
      const short = await ostiary(['user', 'create', '--email', 'bob@example.com'], { env, dir, input: 'short\n' });
      assert.equal(short.code, 1);
      assert.doesNotMatch(short.stderr, /\n\s+at /);

      const server = await start({ env, dir });
      const http = createHttpClient(server.port);
      for (const [login, password, role] of [
        ['root', PASSWORD, 'superadmin'],
        ['ann@example.com', `${PASSWORD} or so`, 'user'],
      ]) {
        const { status, body } = await http.send('POST', '/auth/login', { body: { login, password } });
        assert.equal(status, 200, JSON.stringify(body));
        assert.ok((body.user as { roles: string[] }).roles.includes(role ?? ''));
      }
      http.close();
      assert.equal(await setupLink(server, NO_LINK_PATIENCE), null, 'there is a superadmin');

      const grant = ['user', 'grant', '--email', 'ann@example.com', '--role', 'superadmin'];
      assert.equal((await ostiary(grant, { env, dir })).code, 0);
      const doctor = await ostiary(['doctor'], { env, dir });
      assert.equal(doctor.code, 0, doctor.stdout + doctor.stderr);
      assert.match(doctor.stdout, /^ok +secret key/m);
      assert.match(doctor.stdout, /^ok +superadmins +2$/m);
      assert.doesNotMatch(doctor.stdout, /^wrong/m);
      const wrongKey = { ...env, SECRET_KEY: 'another secret key, 0123456789 0123456789' };
      assert.equal((await ostiary(['doctor'], { env: wrongKey, dir })).code, 1);
    }));

  test('keys list, rotate and revoke: a server that runs follows within seconds', () =>
    withDatabase(sqlite, async ({ dir, url, start }) => {
      const env = serverEnv(dir, url);
      const server = await start({ env, dir });
      const run = async (...args: string[]) => {
        const { code, stdout, stderr } = await ostiary(['keys', ...args], { env, dir });
        assert.equal(code, 0, stderr);
        return [...stdout.matchAll(/^(\S{36}) {2}sig {2}EdDSA +(\w+) +since \S+Z$/gm)].map(([, id, status]) => [
          id,
          status,
        ]);
      };
      const [[first] = [], [second] = []] = await run('list');
      const rotated = await run('rotate');
      assert.deepEqual(rotated.slice(0, 2), [
        [first, 'retired'],
        [second, 'active'],
      ]);
      const revoked = await run('revoke', String(first));
      assert.deepEqual(revoked, rotated.slice(1));
      const seen = async () => {
        const answer = await fetch(`http://127.0.0.1:${server.port}/.well-known/jwks.json`);
        return ((await answer.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
      };
      const until = Date.now() + LINK_PATIENCE;
      while ((await seen()).includes(String(first))) {
        assert.ok(Date.now() < until, 'it follows');
        await pause(50);
      }
      assert.deepEqual(
        await seen(),
        revoked.map(([id]) => id),
      );
      const gone = await ostiary(['keys', 'revoke', String(first)], { env, dir });
      assert.equal(oneSentence(gone), 'No key has this id.');
      for (const args of [
        ['keys'],
        ['keys', 'rotate', '--use', 'x'],
        ['keys', 'list', '--use', 'enc'],
        ['keys', 'revoke'],
      ]) {
        assert.equal((await ostiary(args, { env, dir })).code, 2, args.join(' '));
      }
    }));

  for (const database of databases) {
    test(`two processes that start together on an empty ${database.name} agree; the setup link works once`, () =>
      withDatabase(database, async ({ dir, url, start }) => {
        const env = serverEnv(dir, url);
        const [a, b] = await Promise.all([start({ env, dir }), start({ env, dir })]);
        const links = await Promise.all([setupLink(a, LINK_PATIENCE), setupLink(b, LINK_PATIENCE)]);
        assert.match(String(links[0]), /^http:\/\/localhost:8000\/setup#token=[\w-]+$/);
        assert.equal(links[0], links[1], 'the same link');

        const keys = await Promise.all(
          [a, b].map(({ port }) => fetch(`http://127.0.0.1:${port}/.well-known/jwks.json`)),
        );
        const [one, other] = await Promise.all(keys.map((answer) => answer.json() as Promise<{ keys: unknown[] }>));
        assert.ok((one?.keys.length ?? 0) > 0);
        assert.deepEqual(one, other, 'the same signing keys');
        const applied = [a, b].map((server) => server.stdout().match(/applied \d+ migrations/g)?.length ?? 0);
        assert.equal(
          applied.reduce((sum, times) => sum + times),
          1,
          'one of them migrated',
        );

        assert.equal((await b.end('SIGTERM')).code, 0);
        const c = await start({ env, dir });
        assert.equal(await setupLink(c, LINK_PATIENCE), links[0], 'every start prints it');
        const http = createHttpClient(a.port);
        const token = String(links[0]).split('#token=')[1];
        const body = { token, email: 'root@example.com', password: PASSWORD };
        assert.equal((await http.send('POST', '/setup', { body })).status, 201);
        const late = createHttpClient(c.port);
        assert.equal((await late.send('POST', '/setup', { body: { ...body, email: 'eve@example.com' } })).status, 404);
        for (const client of [http, late]) client.close();
        const d = await start({ env, dir });
        assert.equal(await setupLink(d, NO_LINK_PATIENCE), null, 'none once there is a superadmin');
      }));
  }

  for (const { name, emptyUrl } of databases.filter(({ name }) => name !== 'sqlite')) {
    test(`a clock that differs from that of ${name} is reported`, () =>
      withDatabase({ emptyUrl }, async ({ dir, url }) => {
        const { config } = loadConfig({ env: serverEnv(dir, url), cwd: dir });
        for (const [skew, reported] of [
          [0, null],
          [-60_000, /^the database's clock is (59|60|61) s ahead of this one/],
        ] as const) {
          const lines: { level: string; msg: string }[] = [];
          const log = pino(logOptions('warn'), { write: (line: string) => void lines.push(JSON.parse(line)) });
          const database = await openDatabase(config, log);
          const { close } = await openApp({ config, database, log, clock: () => after(new Date(), skew) });
          await close();
          await database.close();
          const told = lines.filter(({ msg }) => /clock/.test(msg));
          assert.equal(told.length, reported === null ? 0 : 1);
          if (reported !== null) assert.match(told[0]?.msg ?? '', reported);
        }
      }));
  }
});
