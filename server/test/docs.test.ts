import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { errorTable } from '../src/app.ts';
import { errorDocs, errorPage } from '../tools/error-docs.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('docs/errors.md is what `npm run docs` writes', () => {
  assert.equal(errorPage(), errorDocs(errorPage(), errorTable));
});

test('a code that nobody has explained fails the page; what its table says goes onto it, and a code that is gone goes', () => {
  const spec = { status: 404, title: 'It is lost.' };
  assert.throws(() => errorDocs(errorPage(), { thing_lost: spec }), /thing_lost has no `help`/);
  const page = errorDocs(errorPage(), { thing_lost: { ...spec, help: 'Look for another.' } });
  assert.ok(page.endsWith('|---|---|---|---|\n| `thing_lost` | 404 | It is lost. | Look for another. |\n'));
});

test('docs/errors.md has every error code with its status and title, and no other', () => {
  const documented = [...read('docs/errors.md').matchAll(/^\| `(\w+)` \| (\d{3}) \| (.+?) \|/gm)];
  const table = documented.map(([, code, status, title]) => [code, Number(status), title]);
  assert.deepEqual(
    table,
    Object.entries(errorTable).map(([code, { status, title }]) => [code, status, title]),
  );
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
