import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runTestFiles } from './test-run.ts';
import { readWarnings, warningsEnv, watchWarnings } from './test-warnings.ts';

const dir = mkdtempSync(join(tmpdir(), 'ostiary-test-run-'));
after(() => rmSync(dir, { recursive: true, force: true }));

interface RunOptions {
  silenceLimit?: number;
  /** Added to the environment. */
  more?: NodeJS.ProcessEnv;
}

/** Writes test files and runs them; what Node prints is in `output`. */
async function run(sources: Record<string, string>, { silenceLimit, more = {} }: RunOptions = {}) {
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
    env: { ...env, ...more },
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
  const result = await run(
    { 'slow.test.mjs': slow, 'quick.test.mjs': `test('quick', () => {});` },
    { silenceLimit: SILENCE },
  );
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
    { silenceLimit: SILENCE },
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

test('an error that nobody catches fails the run and is told, wherever it begins; of a timer, the test is named', async () => {
  const wait = 'await new Promise((done) => setTimeout(done, 50));';
  const rejected = await run({
    'rejects.test.mjs': `test('rejects', async () => { ${wait} (async () => { throw new Error('in a promise'); })(); ${wait} });`,
  });
  assert.equal(rejected.code, 1);
  assert.match(rejected.output, /in a promise/);
  const thrown = await run({
    'throws.test.mjs': `test('throws', async () => { setTimeout(() => { throw new Error('in a timer'); }, 10); ${wait} });`,
  });
  assert.equal(thrown.code, 1);
  assert.match(thrown.output, /✖ throws(?:.|\n)*in a timer/);
});

test('promises are not followed where Node can leave that out: it takes a quarter of the time', async () => {
  // Node marks a promise that it follows.
  const hooks = `test('marks nothing', async () => {
    const promise = new Promise((done) => setTimeout(done, 10));
    await promise;
    if (Object.getOwnPropertySymbols(promise).length > 0) throw new Error('promises are followed');
  });`;
  const { code, output } = await run({ 'hooks.test.mjs': hooks });
  assert.equal(code, process.versions.node.startsWith('24.') ? 1 : 0, output);
});

test('a warning of the runtime fails the test that caused it, and its file when a child or a thread did', async () => {
  const warnings = mkdtempSync(join(dir, 'warnings-'));
  const program = `process.emitWarning('of a program', 'DeprecationWarning')`;
  const started = `once(spawn(process.execPath, ['--eval', ${JSON.stringify(program)}], { stdio: 'ignore' }), 'close')`;
  const { code, output } = await run(
    {
      'leak.test.mjs': `
        import { EventEmitter } from 'node:events';
        test('before', () => {});
        import { setTimeout } from 'node:timers/promises';
        test('leaks', () => {
          const many = new EventEmitter();
          for (let i = 0; i < 11; i++) many.on('x', () => {});
          return setTimeout(100);
        });
        test('afterwards', () => {});`,
      'child.test.mjs': `
        import { spawn } from 'node:child_process';
        import { once } from 'node:events';
        test('starts a program', () => ${started});`,
      'thread.test.mjs': `
        import { once } from 'node:events';
        import { Worker } from 'node:worker_threads';
        test('starts a thread', () => once(new Worker(${JSON.stringify(program)}, { eval: true }), 'exit'));`,
      'accepted.test.mjs': `test('is experimental', () => process.emitWarning('may change', 'ExperimentalWarning'));`,
    },
    { more: watchWarnings({}, warnings) },
  );
  assert.equal(code, 1);
  assert.match(output, /✖ leaks/);
  for (const passed of ['before', 'afterwards', 'starts a program', 'starts a thread', 'is experimental']) {
    assert.match(output, new RegExp(`✔ ${passed}`));
  }
  for (const file of ['child', 'thread']) assert.match(output, new RegExp(`✖ .*\\b${file}\\.test\\.mjs`));
  const causes = readWarnings(warnings);
  assert.deepEqual([...causes.keys()], ['child.test.mjs', 'leak.test.mjs', 'thread.test.mjs']);
  assert.match(
    causes.get('leak.test.mjs') ?? '',
    /^MaxListenersExceededWarning: .*11 x listeners(?:.|\n)* at .*leak\.test\.mjs:8/,
  );
  assert.match(causes.get('child.test.mjs') ?? '', /^DeprecationWarning: of a program\n/);
});

test('this run is one in which warnings count', () => {
  assert.deepEqual(Object.keys(warningsEnv()).sort(), ['NODE_OPTIONS', 'TEST_WARNINGS', 'TEST_WARNINGS_OF']);
});
