import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { hasOwnRedis, type OwnRedis, whenReady, withOwnRedis } from '../../../test/own-redis.ts';
import { runningTime } from '../../../test/running-time.ts';
import { until } from '../../../test/until.ts';
import { openWire } from '../../../test/wire.ts';
import { connectRedis, type RedisConnections } from './connect.ts';

/** Milliseconds of running time that one answer may take, and all of a request's together. */
const SOON = 1000;
const REQUEST = 2000;
/** More than any request asks. */
const QUESTIONS = 20;

test('whether there is a redis-server to connect to', (t) => {
  t.diagnostic(hasOwnRedis() ? 'there is' : 'there is none: nothing about connections that are lost was shown');
});

describe('connections to Redis', { skip: !hasOwnRedis() }, () => {
  async function connected(run: (redis: RedisConnections, own: OwnRedis, told: string[]) => Promise<void>) {
    await withOwnRedis(async (own) => {
      const told: string[] = [];
      const redis = connectRedis(own.url, { onAway: () => told.push('away'), onBack: () => told.push('back') });
      try {
        await whenReady(redis);
        await redis.ping();
        await run(redis, own, told);
      } finally {
        await redis.close();
      }
    });
  }

  /** How long so many questions take that a request asks one after the other; each must fail. */
  async function refusals({ hasty }: RedisConnections): Promise<number> {
    const began = runningTime();
    for (let i = 0; i < QUESTIONS; i++) await assert.rejects(hasty.get('key'));
    return runningTime() - began;
  }

  const again = (redis: RedisConnections) =>
    until('it answers again', () =>
      Promise.all([redis.hasty.get('key'), redis.commands.get('key')]).then(
        () => true,
        () => false,
      ),
    );

  test('a Redis that ended costs a request nothing, and commands fail instead of hanging', () =>
    connected(async (redis, own, told) => {
      await own.stop();
      assert.ok((await refusals(redis)) < SOON);
      const began = runningTime();
      await assert.rejects(redis.commands.get('key'));
      await assert.rejects(redis.ping());
      assert.ok(runningTime() - began < 4 * REQUEST);
      assert.ok(told.includes('away'));
      told.length = 0;
      await own.start();
      await again(redis);
      assert.ok(told.includes('back'));
    }));

  test('one that says nothing costs all questions of a request together less than a few', () =>
    connected(async (redis, own) => {
      own.freeze();
      assert.ok((await refusals(redis)) < REQUEST);
      assert.ok((await refusals(redis)) < REQUEST, 'and later as well');
      await pause(SOON);
      assert.ok((await refusals(redis)) < REQUEST, 'while it is tried again and again');
      own.thaw();
      await again(redis);
    }));

  /** What an operator, or a failover, does to it meanwhile. */
  async function administer(own: OwnRedis, ...commands: string[][]): Promise<void> {
    const redis = new Redis(own.url);
    for (const [name = '', ...args] of commands) await redis.call(name, ...args);
    redis.disconnect();
  }

  test('one that takes no writes is none that is well', () =>
    connected(async (redis, own) => {
      await administer(own, ['CONFIG', 'SET', 'maxmemory', '1']);
      await assert.rejects(redis.ping(), /OOM/);
      await administer(own, ['CONFIG', 'SET', 'maxmemory', '0']);
      await redis.ping();
      await administer(own, ['REPLICAOF', '127.0.0.1', '1']);
      await assert.rejects(redis.ping());
      await administer(own, ['REPLICAOF', 'NO', 'ONE']);
      await until('it takes writes again', () =>
        redis.ping().then(
          () => true,
          () => false,
        ),
      );
    }));

  test('a connection to a master that became a replica is given up for a new one', () =>
    connected(async (redis, own) => {
      const before = await redis.hasty.client('ID');
      await administer(own, ['REPLICAOF', '127.0.0.1', '1']);
      await assert.rejects(redis.hasty.set('key', 'value'), /READONLY/);
      await until('there is another one', () =>
        redis.hasty.client('ID').then(
          (id) => id !== before,
          () => false,
        ),
      );
    }));

  test('one that vanishes without hanging up is noticed, and connected to where it is again', () =>
    withOwnRedis(async (own) => {
      const url = new URL(own.url);
      const wire = await openWire(Number(url.port));
      url.port = String(wire.port);
      const redis = connectRedis(url.href, { onAway: () => {}, onBack: () => {} });
      try {
        await whenReady(redis);
        await redis.ping();
        wire.deafen();
        await assert.rejects(redis.hasty.get('key'));
        await again(redis);
      } finally {
        await redis.close();
        await wire.close();
      }
    }));

  for (const milliseconds of [220, 300, 900]) {
    // Beyond that, the connection itself counts as dead, which is told by others.
    const isTold = milliseconds < 500;
    test(`one that answers after ${milliseconds} ms is not asked after a few answers, until it is prompt again; that is told once`, () =>
      withOwnRedis(async (own) => {
        const url = new URL(own.url);
        const wire = await openWire(Number(url.port));
        url.port = String(wire.port);
        const told: string[] = [];
        const redis = connectRedis(url.href, {
          onAway: () => {},
          onBack: () => {},
          onLate: () => told.push('late'),
          onPrompt: () => told.push('prompt'),
        });
        const ask = () => redis.hasty.get('key').catch(() => null);
        try {
          await whenReady(redis);
          for (let i = 0; i < QUESTIONS; i++) await ask();
          assert.deepEqual([redis.isPrompt(), told], [true, []]);
          wire.delay(milliseconds);
          await until('it is not asked', async () => {
            await ask();
            return !redis.isPrompt();
          });
          const began = runningTime();
          for (let i = 0; i < QUESTIONS; i++) await ask();
          assert.ok(runningTime() - began < SOON);
          assert.deepEqual(told, isTold ? ['late'] : []);
          wire.delay(0);
          await until('it is asked again', async () => {
            await redis.commands.set('key', 'value').catch(() => null);
            return redis.isPrompt() && (await ask()) === 'value';
          });
          assert.deepEqual(told, isTold ? ['late', 'prompt'] : []);
        } finally {
          await redis.close();
          await wire.close();
        }
      }));
  }

  test('what blocks waits until Redis is back', () =>
    connected(async (redis, own) => {
      const patient = redis.patient();
      await own.stop();
      const popped = patient.blpop('list', 0);
      await own.start();
      await again(redis);
      await redis.commands.lpush('list', 'item');
      assert.deepEqual(await popped, ['list', 'item']);
      patient.disconnect();
    }));

  test('a wrong password is told, and nothing hangs', () =>
    withOwnRedis(async (own) => {
      const url = new URL(own.url);
      url.password = 'wrong';
      const told: Error[] = [];
      const redis = connectRedis(url.href, { onAway: (error) => told.push(error), onBack: () => {} });
      await assert.rejects(redis.ping());
      await assert.rejects(redis.hasty.get('key'));
      await until('it is told', () => told.some(({ message }) => /WRONGPASS/.test(message)));
      await redis.close();
    }));

  test('nothing is tried any more after the end', () =>
    connected(async (redis, own) => {
      await redis.close();
      await assert.rejects(redis.commands.get('key'));
      await assert.rejects(redis.hasty.get('key'));
      await pause(SOON / 2);
      assert.equal(await own.clients(), 1, 'only whoever asks');
    }));
});
