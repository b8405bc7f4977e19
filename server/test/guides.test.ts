import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');

test('every change that docs/guides/user-field.md shows has its place in the code', async () => {
  const guide = await readFile(join(ROOT, 'docs/guides/user-field.md'), 'utf8');
  const [, diff = ''] = /```diff\n([\s\S]*?)```/.exec(guide) ?? [];
  const files = diff.split(/^# /m).slice(1);
  assert.ok(files.length >= 10, 'the list of the guide is gone');
  for (const file of files) {
    const [path = '', ...lines] = file.trimEnd().split('\n');
    const source = await readFile(join(ROOT, path), 'utf8');
    for (const change of lines.join('\n').split('\n@@\n')) {
      const before = change.split('\n').filter((line) => line !== '' && !line.startsWith('+'));
      const place = before.map((line) => `${line.slice(1)}\n`).join('');
      assert.ok(source.includes(place), `${path} has no longer:\n${place}`);
    }
  }
});
