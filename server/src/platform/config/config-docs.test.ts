import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { parseEnv } from 'node:util';
import { directory } from './config.testing.ts';
import { configTableMarkdown, envExample, withConfigTable } from './config-docs.ts';
import { loadConfig } from './load-config.ts';
import { variableEntries } from './variables.ts';

const root = join(import.meta.dirname, '../../../..');
const RENEW = 'stale: run server/tools/write-config-docs.ts';

test('.env.example is what the table of variables generates', () => {
  assert.equal(readFileSync(join(root, '.env.example'), 'utf8'), envExample(), RENEW);
});

test('the tables in the docs are what the table of variables generates', () => {
  assert.ok(readFileSync(join(root, 'docs/configuration.md'), 'utf8').includes(configTableMarkdown()), RENEW);
  for (const name of ['docs/configuration.md', 'README.md', 'README.zh-CN.md']) {
    if (!existsSync(join(root, name))) continue;
    const text = readFileSync(join(root, name), 'utf8');
    assert.equal(text, withConfigTable(text), `${name} is ${RENEW}`);
  }
});

test('every variable has its row and its line', () => {
  const lines = parseEnv(envExample().replaceAll(/^#(?=[A-Z0-9_]+=)/gm, ''));
  const names = variableEntries().map(([name]) => name);
  assert.deepEqual(Object.keys(lines).sort(), [...names].sort());
  for (const name of names) assert.ok(configTableMarkdown().includes(`| \`${name}\` |`), name);
});

test('.env.example with every line switched on is read without a fault', (t) => {
  const cwd = directory(t, envExample().replaceAll(/^#(?=[A-Z0-9_]+=)/gm, ''));
  const { config, warnings } = loadConfig({ env: {}, cwd });
  assert.equal(config.publicUrl, 'https://auth.example.com');
  assert.deepEqual(warnings, ['SECRET_KEY is the public one of .env.example; production refuses it.']);
});
