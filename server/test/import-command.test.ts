import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { exportPeople } from '../src/cli/export.ts';
import { importPeople } from '../src/cli/import.ts';
import { UsageError } from '../src/cli/usage-error.ts';
import { ImportFailed } from '../src/modules/imports/imported-person.ts';
import { madeWithPython } from '../src/platform/crypto/hash-formats/vectors.ts';
import { openTestApp } from './app.ts';
import { testDatabases } from './databases.ts';
import { importUntilDead, writeCrowd } from './kill/imports.ts';
import { type Outcome, ostiary, serverEnv, withServers } from './kill/server-process.ts';

const [sqlite = assert.fail()] = testDatabases({});
const { stored: HASH, password: PASSWORD } = madeWithPython.find(({ name }) => name === 'bcrypt 2b') ?? assert.fail();

/** Commands in a folder of their own, over an empty database. */
async function withCommands(
  run: (place: { dir: string; url: string; call(...args: string[]): Promise<Outcome> }) => Promise<void>,
): Promise<void> {
  const { url, drop } = await sqlite.emptyUrl();
  try {
    await withServers((dir) => run({ dir, url, call: (...args) => ostiary(args, { dir, env: serverEnv(dir, url) }) }));
  } finally {
    await drop();
  }
}

function succeeded({ code, stdout, stderr }: Outcome): string {
  assert.equal(code, 0, stdout + stderr);
  return stdout;
}

/** One line of explanation, and no stack. */
function failed({ code, stdout, stderr }: Outcome, exit: number): string {
  assert.equal(code, exit, stdout + stderr);
  assert.doesNotMatch(stdout + stderr, /\n\s+at |node:internal/);
  return stderr;
}

describe('ostiary import and export', { timeout: 300_000 }, () => {
  it('a dry run tells what a run does; a superadmin is made by name; an export brings all back', () =>
    withCommands(async ({ dir, url, call }) => {
      const rows = [
        'id,email,username,password,role,is_superuser,created_at',
        `1,ann@example.com,ann,${HASH},Editors,1,2020-01-01`,
        '2,bob@example.com,bob,hunter2,Ghosts,0,2021-01-01',
        '3,ann@EXAMPLE.com,,,,0,',
        '4,broken',
      ];
      await writeFile(join(dir, 'people.csv'), `${rows.join('\n')}\n`);
      await writeFile(join(dir, 'map.json'), '{"roles":{"Editors":"guest"},"fields":{"emailVerified":true}}');
      const args = ['import', 'people.csv', '--as', 'shop', '--map', 'map.json'];
      const trial = succeeded(await call(...args, '--dry-run', '--superadmin', 'ann@example.com'));
      assert.match(trial, /^4 rows read\n2 accounts would be made\n0 already here/);
      const made = succeeded(await call(...args, '--report', 'told.ndjson', '--superadmin', 'ann@example.com'));
      const expected = trial.replace('would be made', 'made');
      assert.ok(made.startsWith(expected), made);
      assert.match(made.slice(expected.length), /^ann@example\.com \([-\w]+\) is a superadmin now\.\n$/);
      assert.ok(!made.includes('hunter2'));
      const told = (await readFile(join(dir, 'told.ndjson'), 'utf8')).trimEnd().split('\n');
      assert.deepEqual(told.map((line) => JSON.parse(line).kind).sort(), [
        'email_repeated',
        'hash_unknown',
        'role_unknown',
        'superadmin',
        'unreadable',
      ]);
      assert.equal((await stat(join(dir, 'told.ndjson'))).mode & 0o777, 0o600);
      assert.match(succeeded(await call(...args)), /^4 rows read\n0 accounts made\n2 already here/);

      succeeded(await call('export', 'users', '--hashes', '--out', 'all.ndjson'));
      assert.equal((await stat(join(dir, 'all.ndjson'))).mode & 0o777, 0o600);
      const printed = succeeded(await call('export', 'users', '--format', 'csv'));
      assert.ok(!printed.includes(HASH));
      assert.match(printed, /^id,externalId,email,.*\r\n.*shop:1,ann@example\.com/);
      // An export is never overwritten.
      failed(await call('export', 'users', '--out', 'all.ndjson'), 1);
      const exported = (await readFile(join(dir, 'all.ndjson'), 'utf8'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      assert.deepEqual(
        exported.map(({ email, roles, passwordHash }) => [email, roles, passwordHash]),
        [
          ['ann@example.com', ['user', 'guest', 'superadmin'], HASH],
          ['bob@example.com', ['user'], null],
        ],
      );
      const t = await openTestApp({ databaseUrl: url });
      try {
        const body = { login: 'ann', password: PASSWORD };
        const answer = await t.app.http.inject({ method: 'POST', url: '/api/v1/auth/login', payload: body });
        assert.equal(answer.statusCode, 200, answer.body);
      } finally {
        await t.close();
      }
    }));

  it('says in a sentence what is wrong with its arguments, its mapping and its source', () =>
    withCommands(async ({ dir, call }) => {
      const file = (name: string, text: string) => writeFile(join(dir, name), text).then(() => join(dir, name));
      const people = await file('people.csv', 'id,email\n1,ann@example.com\n');
      const wrong = await file('map.json', '{"fields":{"e-mail":"x"}}');
      // Whatever is wrong is told before anything is opened.
      const context = {} as Parameters<typeof importPeople>[1];
      const usage = (message: RegExp) => (error: unknown) => error instanceof UsageError && message.test(error.message);
      const failure = (message: RegExp) => (error: unknown) =>
        error instanceof ImportFailed && message.test(error.message);
      await assert.rejects(importPeople([], context), usage(/import <file or URL>/));
      await assert.rejects(
        importPeople([people, '--format', 'nothing'], context),
        usage(/must be one of plain, keycloak/),
      );
      await assert.rejects(importPeople([people, '--wrong'], context), usage(/--wrong/));
      await assert.rejects(importPeople([people, '--map', wrong], context), failure(/The mapping is wrong: \/fields/));
      await assert.rejects(importPeople([people, '--map', join(dir, 'none.json')], context), failure(/none\.json/));
      await assert.rejects(
        importPeople([join(dir, 'none.csv')], context),
        failure(/none\.csv cannot be read \(ENOENT\)/),
      );
      await assert.rejects(importPeople(['sqlite:none.db'], context), failure(/no file none\.db/));
      await assert.rejects(exportPeople(['nobody'], context), usage(/export users/));
      await assert.rejects(exportPeople(['users', '--format', 'xml'], context), usage(/ndjson or csv/));
      assert.match(failed(await call('import'), 2), /^Say: import <file or URL>\./);
      assert.match(failed(await call('import', people, '--as', 'No:Name'), 1), /^The name of a source must have/);
    }));

  it('is killed without warning, and goes on', () =>
    withCommands(async ({ dir, url }) => {
      const count = 12_000;
      await writeCrowd(join(dir, 'crowd.csv'), count);
      const kills = await importUntilDead({ dir, url, file: 'crowd.csv', count, kills: 2 });
      assert.equal(kills, 2);
    }));
});
