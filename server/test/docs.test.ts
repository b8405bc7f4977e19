import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { errorTable } from '../src/errors.ts';
import { errorDocs, errorPage } from '../tools/error-docs.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

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

test('docs/errors.md names the members that problems have beyond the common ones', () => {
  const rows = new Map(Array.from(read('docs/errors.md').matchAll(/^\| `(\w+)` .*$/gm), ([row, code]) => [code, row]));
  const members = Object.entries(errorTable).flatMap(([code, spec]) =>
    Object.keys(spec.members ?? {}).map((member) => ({ code, member })),
  );
  assert.ok(members.length > 4);
  for (const { code, member } of members) assert.ok(rows.get(code)?.includes(`\`${member}\``), `${code} ${member}`);
});

for (const readme of ['README.md', 'README.zh-CN.md']) {
  test(`${readme} shows the two commands on its first screen`, () => {
    const firstScreen = read(readme).split('\n').slice(0, 25).join('\n');
    for (const command of ['npm ci && npm start', 'npm ci && npm test'])
      assert.ok(firstScreen.includes(command), command);
  });
}

test('every link between the pages leads to a file, and to a heading where it names one', () => {
  const pages = globSync(['*.md', 'docs/**/*.md', 'bench/*.md'], { cwd: root });
  for (const page of pages) {
    const links = [...read(page).matchAll(/\]\(([^):\s]+)\)/g)];
    if (page.startsWith('README')) assert.ok(links.length > 3, page);
    for (const [, target = ''] of links) {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      assert.ok(existsSync(join(root, file)), `${page} links to ${target}`);
      if (anchor !== undefined) assert.ok(anchors(read(file)).includes(anchor), `${page} links to ${target}`);
    }
  }
});

test('docs/glossary.md has twenty terms in alphabetical order, each with a file that exists', () => {
  const rows = [...read('docs/glossary.md').matchAll(/^\| ([a-z][a-z ]*) \| .+ \| `(.+)` \|$/gm)];
  const terms = rows.map(([, term = '']) => term);
  assert.equal(terms.length, 20);
  assert.deepEqual(terms, terms.toSorted());
  for (const [, term, file = ''] of rows) assert.ok(existsSync(join(root, file)), `${term}: ${file}`);
});

test('docs/decisions/README.md lists every decision under its title', () => {
  const decisions = globSync('[0-9]*.md', { cwd: join(root, 'docs/decisions') }).sort();
  const lines = decisions.map((file) => {
    const [, number, title] = read(`docs/decisions/${file}`).match(/^# (\d+)\. (.+)$/m) ?? [];
    return `${number}. [${title}](${file})`;
  });
  assert.deepEqual(read('docs/decisions/README.md').match(/^\d+\. .+$/gm), lines);
});

/** The names that GitHub gives to the headings of a page. */
function anchors(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
