import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inserted } from '../tools/new/insert.ts';
import { namesOf } from '../tools/new/names.ts';
import { checkModule, withCheckout } from './generated.ts';

test('npm run new module: what it writes is formatted and typed, and passes every test, at once; so are a job, a mail and a migration', () =>
  withCheckout(async (checkout) => {
    const { dir, run } = checkout;
    await run('npm', 'run', '--silent', 'new', 'module', 'site');
    await run('npm', 'run', '--silent', 'new', 'job', 'sites', 'tidy-up');
    await run('npm', 'run', '--silent', 'new', 'mail', 'sites', 'first-site', 'site.written');
    await run('npm', 'run', '--silent', 'new', 'migration', 'sites', 'size');
    // The migration is a sketch, and another table than that of the page.
    await run('biome', 'ci', '--error-on-warnings', 'server/src/modules/sites');
    await checkModule(checkout, { folder: 'sites', contract: 'SiteStore', all: false });
    assert.match(readFileSync(join(dir, 'server/src/modules/sites/index.ts'), 'utf8'), /registerTidyUpJob\(deps\);/);
    assert.match(readFileSync(join(dir, 'server/src/app.ts'), 'utf8'), /createSites\(\{ \.\.\.ground, mails, /);
    for (const [args, message] of [
      [['module', 'site'], /There is a module "sites" already/],
      [['module', 'Site'], /lower-case letters/],
      [['module', '../site'], /lower-case letters/],
      [['module', "site'); drop"], /lower-case letters/],
      [['module', 'class'], /word of JavaScript/],
      [['module', 'store'], /needs the word "store"/],
      [['module', 'sheep', '--plural', 'sheep'], /its own plural/],
      [['job', 'nowhere', 'tidy'], /no module "nowhere"/],
      [['job', 'sites', 'tidy-up'], /has a job "tidy-up" already/],
      [['mail', 'sites', 'second', 'site.sold'], /writes no event "site.sold"/],
      [['mail', 'sites', 'first-site', 'site.written'], /has a mail "first-site" already/],
      [['table', 'x'], /npm run new module/],
    ] as const) {
      await assert.rejects(run('node', 'server/tools/new/new.ts', ...args), message, args.join(' '));
    }
  }));

test('names have the plural that English has, mostly', () => {
  for (const [one, many] of [
    ['site', 'sites'],
    ['category', 'categories'],
    ['day', 'days'],
    ['box', 'boxes'],
    ['batch', 'batches'],
    ['site-visit', 'site-visits'],
  ]) {
    assert.deepEqual(namesOf(one ?? ''), { singular: one, plural: many });
  }
  assert.deepEqual(namesOf('person', 'people'), { singular: 'person', plural: 'people' });
});

test('a line whose place is not found is told instead of being put anywhere', () => {
  const insertion = { file: 'app.ts', line: '  sites,', before: '];', within: 'const parts' };
  assert.equal(inserted('const parts = [\n];\n', insertion), 'const parts = [\n  sites,\n];\n');
  assert.equal(inserted('const parts = [\n  sites,\n];\n', insertion), 'const parts = [\n  sites,\n];\n');
  assert.throws(() => inserted('const others = [\n];\n', insertion), /Add this line to app.ts by hand:\n {2}sites,/);
});
