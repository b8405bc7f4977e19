import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prefersJson } from './accept.ts';

test('JSON goes to those who ask for it by name', () => {
  const table: [string | undefined, boolean][] = [
    ['application/json', true],
    ['Application/JSON; charset=utf-8', true],
    ['application/json, text/plain, */*', true],
    ['text/html;q=0.5, application/json', true],
    ['application/json, text/html', true],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', false],
    ['text/html, application/json;q=0.9', false],
    ['application/json;q=0', false],
    ['application/json;q=x', false],
    ['*/*', false],
    ['', false],
    [undefined, false],
  ];
  for (const [accept, expected] of table) assert.equal(prefersJson(accept), expected, String(accept));
});
