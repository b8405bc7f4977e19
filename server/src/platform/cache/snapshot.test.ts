import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSnapshot } from './snapshot.ts';

/** A source whose readings end when the test says so. */
function source() {
  const pending: { resolve: (value: { n: number }) => void; reject: (error: Error) => void }[] = [];
  const load = () => new Promise<{ n: number }>((resolve, reject) => void pending.push({ resolve, reject }));
  return { pending, snapshot: createSnapshot(load) };
}

test('callers that ask together share one reading, later ones what it found', async () => {
  const { pending, snapshot } = source();
  const both = [snapshot.get(), snapshot.get()];
  assert.equal(snapshot.peek(), undefined);
  await Promise.resolve();
  assert.equal(pending.length, 1);
  pending[0]?.resolve({ n: 1 });
  assert.deepEqual(await Promise.all(both), [{ n: 1 }, { n: 1 }]);
  assert.deepEqual(snapshot.peek(), { n: 1 });
  assert.deepEqual(await snapshot.get(), { n: 1 });
  assert.equal(pending.length, 1);
});

test('a reading that began before an eviction never lands', async () => {
  const { pending, snapshot } = source();
  const early = snapshot.get();
  await Promise.resolve();
  snapshot.evict();
  const late = snapshot.get();
  await Promise.resolve();
  pending[1]?.resolve({ n: 2 });
  assert.deepEqual(await late, { n: 2 });
  pending[0]?.resolve({ n: 1 });
  assert.deepEqual(await early, { n: 1 });
  assert.deepEqual(snapshot.peek(), { n: 2 });
});

test('a reading that failed is tried again', async () => {
  const { pending, snapshot } = source();
  const failed = snapshot.get();
  await Promise.resolve();
  pending[0]?.reject(new Error('away'));
  await assert.rejects(failed, /away/);
  const again = snapshot.get();
  await Promise.resolve();
  pending[1]?.resolve({ n: 3 });
  assert.deepEqual(await again, { n: 3 });
});
