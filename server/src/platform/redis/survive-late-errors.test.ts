import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { surviveLateErrors } from './survive-late-errors.ts';

test('a stream that fails twice ends nothing, and is the one that the client uses', () => {
  const redis = surviveLateErrors(new Redis({ lazyConnect: true }));
  const stream = new Socket();
  redis.stream = stream;
  stream.once('error', () => {});
  assert.equal(redis.stream, stream);
  for (let i = 0; i < 2; i++) stream.emit('error', new Error('refused'));
  redis.disconnect();
});
