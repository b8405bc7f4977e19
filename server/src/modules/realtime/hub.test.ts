import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHub } from './hub.ts';
import type { Hint } from './messages.ts';

const AT = new Date('2026-11-30T12:00:00.000Z');

function open() {
  const time = { now: 0 };
  const hub = createHub({ now: () => time.now });
  const publish = (topic: string, count = 1) => {
    for (let n = 0; n < count; n++) hub.publish(topic, { kind: 'note.written', target: 'note:1', version: n, at: AT });
  };
  const heard: Hint[] = [];
  const follower = { tell: (hint: Hint) => void heard.push(hint) };
  return { hub, time, publish, heard, follower };
}

test('hints are numbered for each topic, and told to those who follow it', () => {
  const { hub, publish, heard, follower } = open();
  publish('users', 3);
  assert.deepEqual(hub.join('users', follower, null), { seq: 0, missed: [] });
  publish('users', 2);
  publish('roles');
  assert.deepEqual(
    heard.map(({ topic, seq }) => [topic, seq]),
    [
      ['users', 1],
      ['users', 2],
    ],
  );
  hub.leave('users', follower);
  publish('users');
  assert.equal(heard.length, 2);
  assert.equal(hub.seqOf('users'), 3);
});

test('whoever comes back gets what is known of what they missed, and is told where it is not', () => {
  const { hub, publish, follower } = open();
  hub.join('users', follower, null);
  publish('users', 300);
  const since = (seq: number) => hub.join('users', follower, seq).missed?.map((hint) => hint.seq) ?? null;
  assert.deepEqual(since(300), []);
  assert.deepEqual(since(298), [299, 300]);
  assert.equal(since(44)?.length, 256, 'all that are kept');
  assert.equal(since(43), null, 'one of them is gone');
  assert.equal(since(301), null, 'a number of another process');
  assert.equal(hub.join('roles', follower, 1).missed, null);
});

test('a topic that nobody follows is forgotten after a while, and no other', () => {
  const { hub, time, publish, follower } = open();
  for (const topic of ['left', 'followed']) hub.join(topic, follower, null);
  publish('left');
  publish('followed');
  hub.leave('left', follower);
  time.now = 99;
  hub.tidy(100);
  assert.equal(hub.join('left', follower, 1).missed?.length, 0);
  hub.leave('left', follower);
  time.now = 199;
  hub.tidy(100);
  assert.equal(hub.seqOf('left'), 0);
  assert.equal(hub.seqOf('followed'), 1);
});
