import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CLOSE } from '../src/platform/websocket/connection.ts';
import { realtimeFile, realtimeSchema } from '../tools/realtime-docs.ts';

const page = readFileSync(new URL('../../docs/realtime.md', import.meta.url), 'utf8');

test('docs/realtime.schema.json is what the server checks (npm run docs)', () => {
  assert.equal(realtimeFile(), realtimeSchema());
});

test('docs/realtime.md names every code with which the server closes', () => {
  for (const [code] of Object.values(CLOSE)) assert.ok(page.includes(`${code}`), `${code}`);
});
