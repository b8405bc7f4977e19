import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryCounter } from './memory-counter.ts';

const RATE = { points: 3, duration: 3600 };

test('there is room for so many keys; whoever goes on trying is not forgotten for those who come once', async () => {
  const counter = createMemoryCounter(RATE, { room: 100 });
  for (let i = 0; i < 1000; i++) {
    await counter.add(`stranger ${i}`);
    await counter.add('busy');
  }
  assert.equal(await counter.used('busy'), 1000);
  const kept = await Promise.all(Array.from({ length: 1000 }, (_, i) => counter.used(`stranger ${i}`)));
  assert.equal(
    kept.reduce((sum, used) => sum + used),
    99,
  );
  assert.equal(await counter.used('stranger 0'), 0);
});

test('no flood of keys fills the memory', { timeout: 60_000 }, async () => {
  const counter = createMemoryCounter(RATE);
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 500_000; i++) await counter.add(`2001:db8:${i.toString(16)}::/64`);
  assert.ok(process.memoryUsage().heapUsed - before < 150 * 2 ** 20);
});
