import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Part, rememberedBy } from './part.ts';

function memory(name: string, done: string[], wait: Promise<void> = Promise.resolve()): Part {
  return {
    remembers: {
      evict: (target) => done.push(`${name} evicts ${target}`),
      async clear() {
        await wait;
        done.push(`${name} is clear`);
      },
    },
  };
}

test('an eviction reaches every part that remembers something, before it returns', () => {
  const done: string[] = [];
  rememberedBy([memory('a', done), {}, memory('b', done)]).evict('user:1');
  assert.deepEqual(done, ['a evicts user:1', 'b evicts user:1']);
});

test('clear is done when everybody is, and fails with whoever fails', async () => {
  const done: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const cleared = rememberedBy([memory('slow', done, promise), memory('quick', done)])
    .clear()
    .then(() => done.push('all'));
  resolve();
  await cleared;
  assert.equal(done.at(-1), 'all');
  assert.deepEqual(done.slice(0, -1).sort(), ['quick is clear', 'slow is clear']);
  const broken: Part = {
    remembers: {
      evict() {},
      clear() {
        throw new Error('away');
      },
    },
  };
  await assert.rejects(rememberedBy([memory('a', []), broken]).clear(), /away/);
});
