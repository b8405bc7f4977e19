import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findExampleOffenders, findOffenders, importsOf, readSources, whatLoads } from './check-imports.ts';

const offendersOf = (path: string, source: string) => findOffenders(new Map([[path, source]]));

test('importsOf tells what is loaded from what is only a type', () => {
  const source = [
    "import type { A } from './a.ts';",
    'import {',
    '  type B,',
    '  c,',
    "} from './bc.ts';",
    "import './d.ts';",
    "export type { E } from './e.ts';",
    "export * from './f.ts';",
    "type G = import('./g.ts').G;",
    "const h = await import('./h.ts');",
    "export const quoted = './not-an-import.ts';",
    'const template = `',
    "import { a } from './shown.ts';",
    "import type { A } from './shown.ts';",
    '`;',
    '/*',
    "import { a } from './shown.ts';",
    '*/',
    '',
  ].join('\n');
  assert.deepEqual(Object.fromEntries(importsOf(source).map(({ specifier, loads }) => [specifier, loads])), {
    './a.ts': false,
    './bc.ts': true,
    './d.ts': true,
    './e.ts': false,
    './f.ts': true,
    './g.ts': false,
    './h.ts': true,
  });
});

const ALLOWED: [string, string][] = [
  ['src/modules/users/users.ts', "import { a } from './user-store.sql.ts';"],
  ['src/modules/users/migrations/001.ts', "import { a } from '../users.ts';"],
  ['src/modules/users/users.ts', "import { a } from '../../platform/ids.ts';"],
  ['src/modules/users/users.ts', "import type { A } from '../sessions/sessions.ts';"],
  ['src/modules/users/users.ts', "import type { A } from '../../storage.ts';"],
  ['src/modules/users/users.ts', "import { a } from '../sessions/names.ts';"],
  ['src/modules/users/users.ts', "import fastify from 'fastify';"],
  ['src/modules/users/users.ts', "import { a } from '../sessions/schemas.ts';"],
  ['src/modules/users/users.ts', "import { a } from '../sessions/names.ts';"],
  ['src/modules/users/users.ts', "import { a } from '../sessions/errors.ts';"],
  ['src/modules/users/users.test.ts', "import { a } from '../../app.ts';\nimport { b } from '../../../test/app.ts';"],
  ['src/modules/users/user-store.contract.ts', "import { a } from '../sessions/sessions.ts';"],
  ['src/platform/http/server.ts', "import { a } from '../ids.ts';"],
  ['src/storage.ts', "import { a } from './modules/users/user-store.sql.ts';"],
  ['src/app.ts', "import { a } from './storage.ts';\nimport { b } from './modules/users/users.ts';"],
  ['src/main.ts', "import { a } from './app.ts';\nimport about from '../package.json' with { type: 'json' };"],
  ['src/cli.ts', "import { a } from './main.ts';"],
  ['test/app.ts', "import { a } from '../src/app.ts';"],
  ['tools/seed.ts', "import { a } from '../src/modules/users/users.ts';"],
];

const REFUSED: [string, string][] = [
  ['src/modules/users/users.ts', "import { a } from '../sessions/sessions.ts';"],
  ['src/modules/users/users.ts', "import { type A, b } from '../sessions/sessions.ts';"],
  ['src/modules/users/users.ts', "import '../sessions/sessions.ts';"],
  ['src/modules/users/users.ts', "import { a } from '../sessions/session-names.ts';"],
  ['src/modules/users/users.ts', "import { a } from '../sessions/old/names.ts';"],
  ['src/platform/http/server.ts', "import { a } from '../../modules/users/names.ts';"],
  ['src/modules/users/users.ts', "export * from '../sessions/sessions.ts';"],
  ['src/modules/users/users.ts', "const a = await import('../sessions/sessions.ts');"],
  ['src/modules/users/users.ts', "import { a } from '../../storage.ts';"],
  ['src/modules/users/users.ts', "import type { A } from '../../app.ts';"],
  ['src/modules/users/users.ts', "import { a } from './user-store.contract.ts';"],
  ['src/modules/users/users.ts', "import { a } from '../../../test/app.ts';"],
  ['src/modules/users/users.ts', "import { a } from '../../../tools/seed.ts';"],
  ['src/platform/http/server.ts', "import { a } from '../../modules/users/users.ts';"],
  ['src/platform/http/server.ts', "import type { A } from '../../modules/users/users.ts';"],
  ['src/platform/http/server.ts', "import type { A } from '../../storage.ts';"],
  ['src/storage.ts', "import { a } from './app.ts';"],
  ['src/app.ts', "import { a } from './main.ts';"],
  ['src/app.ts', "import { a } from './app.test.ts';"],
];

test('imports that follow main → app → modules → platform pass', () => {
  for (const [path, source] of ALLOWED) assert.deepEqual(offendersOf(path, source), [], `${path}: ${source}`);
});

test('imports that go against it are named, each once', () => {
  for (const [path, source] of REFUSED) {
    const offenders = offendersOf(path, source);
    assert.equal(offenders.length, 1, `${path}: ${source}`);
    assert.match(offenders[0] ?? '', new RegExp(`^server/${RegExp.escape(path)} imports server/`));
  }
});

test('app.ts loads a module that has a front door through it, and others as it can', () => {
  const source = [
    "import { createUsers } from './modules/users/index.ts';",
    "import type { UserRecord } from './modules/users/user-store.ts';",
    "import { createTeams } from './modules/teams/teams.ts';",
    "import { createRows } from './modules/users/rows.ts';",
  ].join('\n');
  const files = new Map([
    ['src/app.ts', source],
    ['src/modules/users/index.ts', "import { createRows } from './rows.ts';"],
    ['src/cli/doctor.ts', "import { createRows } from '../modules/users/rows.ts';"],
  ]);
  assert.deepEqual(findOffenders(files), [
    'server/src/app.ts imports server/src/modules/users/rows.ts, which is inside a module: take it from server/src/modules/users/index.ts',
  ]);
});

test('whatLoads follows values through files, and no types', () => {
  const files = new Map([
    ['test/app.ts', "import { a } from '../src/app.ts';"],
    ['src/modules/users/users.test.ts', "import { a } from '../../../test/app.ts';"],
    ['src/modules/users/names.test.ts', "import type { A } from '../../app.ts';"],
  ]);
  assert.deepEqual([...whatLoads(['src/app.ts'], files)].sort(), [
    'src/app.ts',
    'src/modules/users/users.test.ts',
    'test/app.ts',
  ]);
});

test('this very server has no offender', () => {
  const files = readSources(join(import.meta.dirname, '..'));
  assert.ok(files.has('tools/check-imports.ts'));
  assert.deepEqual(findOffenders(files), []);
});

test('the command names the offenders of a folder and fails, and fails where it found no files', () => {
  const server = mkdtempSync(join(tmpdir(), 'ostiary-imports-'));
  const run = () => spawnSync(process.execPath, [join(import.meta.dirname, 'check-imports.ts'), server]);
  try {
    assert.equal(run().status, 1);
    mkdirSync(join(server, 'src/platform'), { recursive: true });
    writeFileSync(join(server, 'src/app.ts'), "import { a } from './platform/a.ts';\n");
    assert.equal(run().status, 0);
    writeFileSync(join(server, 'src/platform/a.ts'), "import { b } from '../app.ts';\n");
    const { status, stderr } = run();
    assert.equal(status, 1);
    assert.match(stderr.toString(), /^server\/src\/platform\/a\.ts imports server\/src\/app\.ts, which is above/m);
  } finally {
    rmSync(server, { recursive: true, force: true });
  }
});

test('an example imports the package, Node.js and its own files, and nothing else', () => {
  const source = [
    "import { both } from 'ostiary';",
    "import { join } from 'node:path';",
    "import { site } from '../site.ts';",
    "import { sql } from 'kysely';",
    "import { after } from '../../../server/src/platform/clock.ts';",
    "import type { Other } from '../../other/other.ts';",
  ].join('\n');
  assert.deepEqual(findExampleOffenders(new Map([['sites/sites/stores.ts', source]])), [
    'examples/sites/sites/stores.ts imports kysely, which users of the package have not',
    'examples/sites/sites/stores.ts imports ../../../server/src/platform/clock.ts, which users of the package have not',
    'examples/sites/sites/stores.ts imports ../../other/other.ts, which users of the package have not',
  ]);
});
