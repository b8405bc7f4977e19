import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemory } from './memory.ts';

/** A source whose answers are given by hand, to put any two moments into any order. */
function slowSource() {
  const asked: { key: string; answer: (value: { version: number } | null) => void; fail: (error: Error) => void }[] =
    [];
  const load = (key: string) =>
    new Promise<{ version: number } | null>((answer, fail) => {
      asked.push({ key, answer, fail });
    });
  return { asked, memory: createMemory({ max: 2, load }) };
}

test('what was loaded is remembered, and callers that ask together share one load', async () => {
  const { asked, memory } = slowSource();
  const both = [memory.get('a'), memory.get('a')];
  assert.equal(asked.length, 1);
  asked[0]?.answer({ version: 1 });
  assert.deepEqual(await Promise.all(both), [{ version: 1 }, { version: 1 }]);
  assert.deepEqual(memory.peek('a'), { version: 1 });
  assert.deepEqual(await memory.get('a'), { version: 1 });
  assert.equal(asked.length, 1);
});

test('a load that began before an eviction never lands, whichever of the two loads ends first', async () => {
  const { asked, memory } = slowSource();
  const before = memory.get('a');
  memory.evict('a');
  const after = memory.get('a');
  assert.equal(asked.length, 2);
  asked[1]?.answer({ version: 2 });
  assert.deepEqual(await after, { version: 2 });
  asked[0]?.answer({ version: 1 });
  await before;
  assert.deepEqual(memory.peek('a'), { version: 2 });
});

test('an eviction while nothing else is asked leaves nothing behind', async () => {
  const { asked, memory } = slowSource();
  const before = memory.get('a');
  memory.evict('a');
  asked[0]?.answer({ version: 1 });
  await before;
  assert.equal(memory.peek('a'), undefined);
});

test('a failure and an absence are not remembered', async () => {
  const { asked, memory } = slowSource();
  const failed = memory.get('a');
  asked[0]?.fail(new Error('away'));
  await assert.rejects(failed, /away/);
  const absent = memory.get('a');
  asked[1]?.answer(null);
  assert.equal(await absent, null);
  void memory.get('a');
  assert.equal(asked.length, 3);
});

test('it holds no more than it may, and nothing after it was cleared', async () => {
  const memory = createMemory({ max: 2, load: async (key) => ({ key }) });
  for (const key of ['a', 'b', 'c']) await memory.get(key);
  assert.equal(memory.peek('a'), undefined);
  assert.deepEqual(memory.peek('c'), { key: 'c' });
  memory.clear();
  assert.equal(memory.peek('c'), undefined);
});
