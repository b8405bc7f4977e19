import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { groupFiles } from './test-groups.ts';

const PLAIN = `import { test } from 'node:test';\n`;
const WITH_HOOKS = `import {\n  before,\n  test,\n} from 'node:test';\n`;

test('each file is in one entry, in order, and what needs a process of its own has one', () => {
  const root = mkdtempSync(join(tmpdir(), 'ostiary-groups-'));
  try {
    for (const folder of ['server/test', 'server/src/a']) mkdirSync(join(root, folder), { recursive: true });
    const server = Array.from({ length: 8 }, (_, i) => `server/test/s${i}.test.ts`);
    const parts = Array.from({ length: 3 }, (_, i) => `server/src/a/p${i}.test.ts`);
    const alone = ['server/test/hooks.test.ts', 'server/test/env.test.ts', 'server/test/races.test.ts'];
    for (const file of [...server, ...parts, ...alone]) writeFileSync(join(root, file), PLAIN);
    writeFileSync(join(root, 'server/test/hooks.test.ts'), WITH_HOOKS);
    writeFileSync(join(root, 'server/test/env.test.ts'), `${PLAIN}process.env.ANY = '';\n`);
    const files = [...server.slice(0, 2), ...alone, ...server.slice(2), ...parts];

    const entries = groupFiles(files, { root, folder: join(root, 'groups') });
    const imported = (entry: string) =>
      [...readFileSync(entry, 'utf8').matchAll(/import\("(.*)"\)/g)].map(([, url = '']) =>
        url.slice(pathToFileURL(`${root}/`).href.length),
      );
    const held = entries.map((entry) => (entry.startsWith(root) ? imported(entry) : entry));
    assert.deepEqual(held, [server.slice(0, 6), ...alone, server.slice(6), parts]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
