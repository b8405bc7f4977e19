import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { runFor, runningTime } from './running-time.ts';

test('what waits takes running time, what holds up the process next to none', async () => {
  const began = runningTime();
  const wall = performance.now();
  await pause(200);
  const waited = runningTime() - began;
  assert.ok(waited >= 50 && waited <= performance.now() - wall + 1, `${waited} ms`);

  const before = runningTime();
  // The whole process stands still, as on a machine that does.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  assert.ok(runningTime() - before <= 100);
});

test('an answer that came while the process stood still is heard before the time is up', async () => {
  const answer = new Promise((resolve) => setTimeout(resolve, 60, 'answer'));
  const first = Promise.race([answer, runFor(150, 'late')]);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  assert.equal(await first, 'answer');
  assert.equal(await Promise.race([new Promise(() => {}), runFor(20, 'late')]), 'late');
});
