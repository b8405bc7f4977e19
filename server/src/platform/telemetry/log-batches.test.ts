import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inBatches, WHOLE } from './log-batches.ts';

const line = (length: number) => `${'x'.repeat(length - 1)}\n`;

test('pieces are whole lines, in their order, and no larger than asked for unless one line is', () => {
  const pieces: string[] = [];
  const output = { write: (piece: string) => void pieces.push(piece), flushSync: () => {} };
  const batches = inBatches(output, () => output, WHOLE);
  const lines = [1000, 3000, 96, 1, 4096, 5000, 10, 4086, 2000].map(line);
  for (const text of lines) batches.write(text);
  batches.flushSync();
  assert.equal(pieces.join(''), lines.join(''));
  assert.deepEqual(
    pieces.map(({ length }) => length),
    [4096, 1, 4096, 5000, 4096, 2000],
  );
  assert.ok(pieces.every((piece) => piece.endsWith('\n')));
});
