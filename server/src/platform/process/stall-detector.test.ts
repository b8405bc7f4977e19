import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createStallDetector, type LoopState } from './stall-detector.ts';

const LIMIT = 1000;

/** What each look shows, at these times and with these beats. */
function looks(...seen: [now: number, beats: number][]): LoopState[] {
  const detector = createStallDetector();
  return seen.map(([now, beats]) => detector.look(beats, now, LIMIT).state);
}

test('a loop that beats runs, however slowly, up to the limit', () => {
  assert.deepEqual(looks([0, 0], [250, 1], [500, 1], [750, 1], [1000, 1], [1249, 1], [1400, 2]), Array(7).fill('runs'));
});

test('a stall begins once and ends once, and says how long it lasted', () => {
  const detector = createStallDetector();
  const states = [0, 500, 1000, 1500, 2000].map((now) => detector.look(7, now, LIMIT).state);
  assert.deepEqual(states, ['runs', 'runs', 'began', 'stalls', 'stalls']);
  assert.deepEqual(detector.look(8, 2500, LIMIT), { state: 'ended', lasted: 2500 });
  assert.equal(detector.look(8, 2600, LIMIT).state, 'runs');
});

test('a machine that was suspended shows no stall', () => {
  assert.deepEqual(looks([0, 1], [250, 2], [90_000, 2], [90_250, 3]), ['runs', 'runs', 'runs', 'runs']);
});

test('a stall during which the looks themselves came late is still one', () => {
  assert.deepEqual(looks([0, 1], [500, 1], [1000, 1], [5000, 1], [5250, 2]), [
    'runs',
    'runs',
    'began',
    'stalls',
    'ended',
  ]);
});
