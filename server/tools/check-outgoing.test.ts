import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSources } from './check-imports.ts';
import { CONNECTING, findOutgoing, LOCAL, OUTGOING } from './check-outgoing.ts';

const SERVER = join(import.meta.dirname, '..');
const waysOf = (source: string, path = 'src/modules/users/users.ts') =>
  findOutgoing(new Map([[path, source]])).get(path);

test('every way to open a connection is seen', () => {
  const ways = [
    "const answer = await fetch('https://example.com');",
    'export const get = (url: string) => fetch(url);',
    'globalThis.fetch(url);',
    "globalThis['fet' + 'ch'](url);",
    'const socket = new WebSocket(url);',
    "import { request } from 'node:https';",
    "import http from 'http';",
    "import * as net from 'node:net';",
    "import { connect, isIP } from 'node:net';",
    "import { Socket } from 'node:net';",
    "import { lookup } from 'node:dns/promises';",
    "import { execFile } from 'node:child_process';",
    "const { request } = process.getBuiltinModule('node:http');",
    "const { connect } = await import('node:tls');",
    "import { createTransport } from 'nodemailer';",
    "await import('nodemailer/lib/fetch');",
    "import { Redis } from 'ioredis';",
  ];
  for (const source of ways) assert.equal(waysOf(source)?.length, 1, source);
});

test('what opens none is let through', () => {
  const fine = [
    "import { BlockList, isIP, type Socket } from 'node:net';",
    "import type { Socket } from 'node:net';",
    "import type { Redis } from 'ioredis';",
    'const key = await keys.fetch(kid);',
    'export interface Keys { fetch(kid: string): Promise<string>; }',
    'const keys = { async fetch(kid: string) { return kid; } };',
    "import { pgTable } from 'pgsomething';",
  ];
  for (const source of fine) assert.equal(waysOf(source), undefined, source);
  assert.equal(waysOf("import { connect } from 'node:net';", 'src/modules/users/users.test.ts'), undefined);
});

test('this server opens connections in the files that are listed, and the list names no others', () => {
  const found = findOutgoing(readSources(SERVER));
  const unlisted = [...found]
    .filter(([path]) => OUTGOING[path] === undefined)
    .map(([path, ways]) => `${path}: ${ways.join()}`);
  assert.deepEqual(
    unlisted,
    [],
    'Say in OUTGOING where it goes, and in docs/production.md; a user must not choose the target.',
  );
  assert.deepEqual(
    Object.keys(OUTGOING).filter((path) => !found.has(path)),
    [],
  );
});

test('of every dependency it is said whether it can open connections', () => {
  const { dependencies } = JSON.parse(readFileSync(join(SERVER, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  assert.deepEqual([...CONNECTING, ...LOCAL].sort(), Object.keys(dependencies).sort());
});
