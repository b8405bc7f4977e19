import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { lowerPoolPriority } from './pool-priority.ts';

test('the threads of the pool give way to the event loop, and no other thread does', {
  skip: process.platform !== 'linux' && 'Linux only',
}, async () => {
  // Whoever uses the pool first makes all of its threads.
  await stat('.');
  const before = getPriority();
  const count = lowerPoolPriority();
  assert.equal(count, Number(process.env.UV_THREADPOOL_SIZE) || 4);
  assert.equal(getPriority(), before);
  const nicer = readdirSync('/proc/self/task').filter((thread) => getPriority(Number(thread)) > before);
  const names = nicer.map((thread) => readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trimEnd());
  assert.deepEqual(names, Array(count).fill('libuv-worker'));
});
