import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

/** A process whose event loop stands until its standard output, a file, says so. */
const program = (stand: string) => `
import { fstatSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { watchLoop } from ${JSON.stringify(new URL('./loop-watch.ts', import.meta.url).href)};
const lines = [];
const watch = watchLoop({ log: { warn: (fields, text) => lines.push({ ...fields, text }) }, format: 'json' });
watch.serving();
const wasWell = watch.isWell();
const isTold = () => fstatSync(1).size > 0;
async function step() {}
${stand}
await standsHere();
while (lines.length === 0) await pause(20);
console.log(JSON.stringify({ lines, wasWell, isWell: watch.isWell() }));
`;

for (const [name, stand] of [
  ['one turn', 'function standsHere() { while (!isTold()); }'],
  ['promises that leave no turn', 'async function standsHere() { while (!isTold()) await step(); }'],
] as const) {
  test(`an event loop that stands in ${name} is told while it does, and afterwards, with what ran`, {
    timeout: 60_000,
  }, async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'ostiary-loop-'));
    t.after(() => rm(dir, { recursive: true, force: true }));
    const file = await open(join(dir, 'log'), 'a+');
    const child = spawn(process.execPath, ['--input-type=module', '-e', program(stand)], {
      stdio: ['ignore', file.fd, 'inherit'],
    });
    const [code] = await once(child, 'exit');
    await file.close();
    assert.equal(code, 0, 'it ends by itself');
    const lines = (await readFile(join(dir, 'log'), 'utf8')).trim().split('\n');
    const [during, after] = lines.map((line) => JSON.parse(line));
    assert.equal(during.msg, 'the event loop stands still');
    assert.match(during.calls.join('\n'), /standsHere/);
    assert.match(after.lines[0].calls.join('\n'), /standsHere/);
    assert.deepEqual([after.wasWell, after.isWell], [true, false]);
  });
}

test('its thread takes code from the compile cache: stripping types would cost memory for as long as the process runs', {
  timeout: 60_000,
}, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'ostiary-loop-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const watches = `
import { enableCompileCache } from 'node:module';
enableCompileCache(${JSON.stringify(dir)});
const { watchLoop } = await import(${JSON.stringify(new URL('./loop-watch.ts', import.meta.url).href)});
watchLoop({ log: console, format: 'json' });
setInterval(() => {}, 1000);
`;
  // A folder in this variable would reach the thread in any case.
  const { NODE_COMPILE_CACHE: _, ...env } = process.env;
  const child = spawn(process.execPath, ['--input-type=module', '-e', watches], {
    env: { ...env, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  for await (const chunk of child.stderr.setEncoding('utf8')) {
    said += chunk;
    if (/reading cache .* for StrippedTypeScript \S*\/loop-watch-thread\.ts/.test(said)) return;
  }
  assert.fail(`It never asked for the code of the thread: ${said}`);
});
