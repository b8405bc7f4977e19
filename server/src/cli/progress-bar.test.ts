import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProgressBar } from './progress-bar.ts';

function drawn(isTTY: boolean) {
  const texts: string[] = [];
  let time = 1_000_000;
  const bar = createProgressBar({ out: { isTTY, write: (text) => texts.push(text) }, now: () => time });
  return { bar, texts, forward: (milliseconds: number) => (time += milliseconds) };
}

test('a terminal shows one line, drawn anew five times a second, with the pace of this run alone', () => {
  const { bar, texts, forward } = drawn(true);
  bar.show(0.5, { read: 5000, made: 4000 });
  for (let i = 0; i < 10; i++) {
    forward(50);
    bar.show(0.6, { read: 6000 + i, made: 5000 });
  }
  forward(1500);
  bar.show(1, { read: 7000, made: 6000 });
  bar.end();
  assert.equal(texts.length, 5);
  assert.equal(texts[0], '\r\u001b[2K[###############...............] 50 %  5,000 read, 4,000 made, 0/s');
  assert.equal(texts[3], '\r\u001b[2K[##############################] 100 %  7,000 read, 6,000 made, 1,000/s');
  assert.equal(texts[4], '\n');
});

test('elsewhere, a line every ten seconds; a source that does not know its size has no percentage', () => {
  const { bar, texts, forward } = drawn(false);
  bar.show(null, { read: 1, made: 1 });
  forward(9_999);
  bar.show(null, { read: 100, made: 90 });
  forward(1);
  bar.show(null, { read: 1001, made: 990 });
  forward(10_000);
  bar.show(0.25, { read: 2001, made: 1990 });
  bar.end();
  assert.deepEqual(texts, ['1,001 read, 990 made, 100/s\n', '25 %, 2,001 read, 1,990 made, 100/s\n']);
});
