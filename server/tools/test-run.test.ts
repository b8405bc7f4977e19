import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runTestFiles } from './test-run.ts';

const dir = mkdtempSync(join(tmpdir(), 'ostiary-test-run-'));
after(() => rmSync(dir, { recursive: true, force: true }));

/** Writes test files and runs them; what Node prints is in `output`. */
async function run(sources: Record<string, string>, silenceLimit?: number) {
  const files = Object.entries(sources).map(([name, source]) => {
    const file = join(dir, name);
    writeFileSync(file, `import { test, before } from 'node:test';\n${source}`);
    return file;
  });
  const printed = join(dir, 'printed');
  // This test runs in a test run itself, and Node refuses one inside another.
  const { NODE_TEST_CONTEXT: _outer, ...env } = process.env;
  const result = await runTestFiles({
    args: ['--test-concurrency=4', ...files],
    cwd: dir,
    env,
    silenceLimit,
    output: printed,
  });
  return { ...result, output: readFileSync(printed, 'utf8') };
}

/** Far more than a process takes to start, and to load nothing. */
const SILENCE = 4_000;
/** Keeps a process, whatever happens. */
const OPEN = 'setInterval(() => {}, 1_000);';

test('a run is no failure for its length: only silence ends it', async () => {
  // Each test takes a quarter of the limit; all of them take longer than it.
  const slow = `for (let i = 0; i < 5; i++) test('slow ' + i, () => new Promise((r) => setTimeout(r, ${SILENCE / 4})));`;
  const result = await run({ 'slow.test.mjs': slow, 'quick.test.mjs': `test('quick', () => {});` }, SILENCE);
  assert.equal(result.code, 0, result.output);
  assert.deepEqual(result.hanging, []);
  assert.equal(result.tests, 6);
  assert.ok((result.files.get(join(dir, 'slow.test.mjs')) ?? 0) > SILENCE);
  assert.ok((result.files.get(join(dir, 'quick.test.mjs')) ?? 0) > 0);
});

test('what hangs is ended and named, not what ended before', async () => {
  const result = await run(
    {
      'ends.test.mjs': `test('ends', () => {});`,
      'never.test.mjs': `${OPEN} test('never ends', () => new Promise(() => {}));`,
      'open.test.mjs': `${OPEN} test('leaves something open', () => {});`,
      'hook.test.mjs': `${OPEN} before(() => new Promise(() => {})); test('never begins', () => {});`,
    },
    SILENCE,
  );
  assert.equal(result.code, 1);
  assert.deepEqual(
    result.hanging.sort(),
    ['hook', 'never', 'open'].map((name) => join(dir, `${name}.test.mjs`)),
  );
  assert.deepEqual([...result.files.keys()], [join(dir, 'ends.test.mjs')]);
});

test('a failure is one, and a run without tests is seen to be without', async () => {
  const failed = await run({ 'fails.test.mjs': `test('fails', () => { throw new Error('as it should'); });` });
  assert.deepEqual([failed.code, failed.tests], [1, 1]);
  const empty = await run({ 'empty.test.mjs': '' });
  assert.deepEqual([empty.code, empty.tests], [0, 0]);
});
