import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { errorTable } from '../src/app.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('docs/errors.md has every error code with its status and title, and no other', () => {
  const documented = [...read('docs/errors.md').matchAll(/^\| `(\w+)` \| (\d{3}) \| (.+?) \|/gm)];
  const table = Object.fromEntries(
    documented.map(([, code, status, title]) => [code, { status: Number(status), title }]),
  );
  assert.deepEqual(table, errorTable);
});

for (const readme of ['README.md', 'README.zh-CN.md']) {
  test(`${readme} shows the two commands on its first screen, and its links lead somewhere`, () => {
    const text = read(readme);
    const firstScreen = text.split('\n').slice(0, 25).join('\n');
    for (const command of ['npm ci && npm start', 'npm ci && npm test'])
      assert.ok(firstScreen.includes(command), command);
    const links = [...text.matchAll(/\]\(([^):]+)\)/g)].map(([, path = '']) => path);
    assert.ok(links.length > 3);
    for (const path of links) assert.doesNotThrow(() => readFileOrFolder(path), path);
  });
}

function readFileOrFolder(path: string): void {
  try {
    read(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EISDIR') throw error;
  }
}
