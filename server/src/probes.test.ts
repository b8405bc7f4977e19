import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import type { Database } from './platform/database/database.ts';
import type { RedisConnections } from './platform/redis/connect.ts';
import { createProbes } from './probes.ts';

const ping = async () => {};
const database = {
  kind: 'sql',
  ping: async () => ({ now: new Date() }),
  lastRefusal: () => null,
} as unknown as Database;
const ground = { clock: () => new Date(), log: pino({ level: 'silent' }) };
const heartbeats = { heartbeat: async () => {} };
const healthy = {
  ...ground,
  database,
  heartbeats,
  isBlind: () => false,
  breached: null,
  replicas: null,
  elsewhere: [],
};

test('the event loop is named only while it stood still lately', async () => {
  let isWell = true;
  const probes = createProbes({ ...healthy, redis: null, isLoopWell: () => isWell });
  assert.deepEqual(Object.keys(probes.helpful), []);
  isWell = false;
  assert.equal(await probes.helpful.eventLoop?.(), false);
  isWell = true;
  assert.deepEqual(Object.keys(probes.helpful), []);
});

test('a Redis that answers late carries jobs, and is no cache', async () => {
  const redis = { ping, isPrompt: () => false } as RedisConnections;
  const { queue, cache } = createProbes({ ...healthy, redis, isLoopWell: () => true }).helpful;
  assert.deepEqual([await queue?.(), await cache?.()], [true, false]);
});
