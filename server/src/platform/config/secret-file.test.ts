import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Worker } from 'node:worker_threads';
import { directory, faulty } from './config.testing.ts';
import { loadConfig } from './load-config.ts';

test('a missing key is made once, kept for its owner only, and found again', (t) => {
  const cwd = directory(t);
  const first = loadConfig({ env: {}, cwd }).config.secretKeys.current;
  const file = join(cwd, 'data/secret.key');
  assert.equal(Buffer.from(first, 'base64url').length, 32);
  assert.equal(readFileSync(file, 'utf8').trim(), first);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(loadConfig({ env: { ENVIRONMENT: 'test' }, cwd }).config.secretKeys.current, first);
  assert.deepEqual(readdirSync(join(cwd, 'data')), ['secret.key']);
});

test('a given key makes none', (t) => {
  const cwd = directory(t);
  loadConfig({ env: { SECRET_KEY: 'kV3mT9xQ2bN7wZ5rJ8pL4hD6gF1sYcAu' }, cwd });
  assert.deepEqual(readdirSync(join(cwd, 'data')), []);
});

test('a kept key that is cut off or cannot be read stops the start; one that others can read is warned of', (t) => {
  const cwd = directory(t);
  const { config } = loadConfig({ env: {}, cwd });
  const file = join(cwd, 'data/secret.key');
  chmodSync(file, 0o644);
  assert.match(loadConfig({ env: {}, cwd }).warnings.join(), /secret\.key in DATA_DIR can be read by other users/);
  writeFileSync(file, config.secretKeys.current.slice(0, 12));
  assert.deepEqual(faulty({}, cwd), ['SECRET_KEY']);
  mkdirSync(join(cwd, 'other/secret.key'), { recursive: true });
  assert.deepEqual(faulty({ DATA_DIR: 'other' }, cwd), ['SECRET_KEY']);
});

const STARTERS = 8;
const ROUNDS = 20;

/** Waits at the barrier of each round, so that all starters load the same fresh directory at the same moment. */
const STARTER = `
  const { parentPort, workerData } = await import('node:worker_threads');
  const { loadConfig } = await import(workerData.module);
  const gate = new Int32Array(workerData.gate);
  for (let round = 0; round < ${ROUNDS}; round += 1) {
    Atomics.add(gate, round, 1);
    while (Atomics.load(gate, round) < ${STARTERS}) await new Promise(setImmediate);
    parentPort.postMessage({ round, key: loadConfig({ env: {}, cwd: workerData.cwd + '/' + round }).config.secretKeys.current });
  }
`;

test('servers that start together agree on one key', async (t) => {
  const cwd = directory(t);
  for (let round = 0; round < ROUNDS; round += 1) mkdirSync(join(cwd, String(round)));
  const gate = new SharedArrayBuffer(ROUNDS * 4);
  const module = new URL('./load-config.ts', import.meta.url).href;
  const keys = Array.from({ length: ROUNDS }, () => new Set<string>());
  let answers = 0;
  await Promise.all(
    Array.from({ length: STARTERS }, () => {
      const url = new URL(`data:text/javascript,${encodeURIComponent(STARTER)}`);
      const worker = new Worker(url, { workerData: { module, gate, cwd } });
      worker.on('message', ({ round, key }: { round: number; key: string }) => {
        answers += 1;
        keys[round]?.add(key);
      });
      return new Promise((resolve, reject) => worker.on('error', reject).on('exit', resolve));
    }),
  );
  assert.equal(answers, STARTERS * ROUNDS);
  for (const [round, seen] of keys.entries()) {
    assert.equal(seen.size, 1);
    assert.deepEqual(readdirSync(join(cwd, String(round), 'data')), ['secret.key']);
  }
});
