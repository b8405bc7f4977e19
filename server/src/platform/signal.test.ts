import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSignal } from './signal.ts';

test('a signal that nobody hears throws; then its listener gets each value', () => {
  const commits = createSignal<number>('what is committed');
  assert.throws(() => commits.emit(1), /^TypeError: Nobody listens yet to what is committed\.$/);
  const heard: number[] = [];
  commits.listen((value) => heard.push(value));
  commits.emit(2);
  commits.emit(3);
  assert.deepEqual(heard, [2, 3]);
});

test('a second listener is refused, and the first one goes on', () => {
  const commits = createSignal<number>('what is committed');
  const heard: number[] = [];
  commits.listen((value) => heard.push(value));
  assert.throws(() => commits.listen(() => {}), /^TypeError: Somebody listens to what is committed already\.$/);
  commits.emit(1);
  assert.deepEqual(heard, [1]);
});
