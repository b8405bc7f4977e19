import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Type } from 'typebox';
import { createPromises } from '../src/modules/jobs/promised-queue.ts';
import { after, MINUTE } from '../src/platform/clock.ts';
import { createBullmqQueue } from '../src/platform/queue/bullmq-queue.ts';
import { defineJob } from '../src/platform/queue/define-job.ts';
import { createJobRegistry } from '../src/platform/queue/job-registry.ts';
import { createJobs } from '../src/platform/queue/jobs.ts';
import type { JobQueue } from '../src/platform/queue/queue.ts';
import { connectRedis } from '../src/platform/redis/connect.ts';
import { createLog } from '../src/platform/telemetry/log.ts';
import { openTestApp } from './app.ts';
import { testDatabases } from './databases.ts';

const url = process.env.TEST_REDIS_URL;

test('which Redis the promises were tried on', (t) => {
  t.diagnostic(
    url ? 'the Redis of TEST_REDIS_URL' : 'TEST_REDIS_URL names none: nothing about a Redis that loses all was shown',
  );
});

/** Takes away whatever one prefix has; other tests use the same Redis. */
async function flush(redis: ReturnType<typeof connectRedis>, prefix: string): Promise<void> {
  const keys = await redis.commands.keys(`${prefix.replace(/[{}]/g, '\\$&')}*`);
  if (keys.length > 0) await redis.commands.del(...keys);
}

for (const { name, freshUrl } of url ? testDatabases() : []) {
  /** A queue on Redis whose promised jobs are kept in a database, with a clock of its own for the looks after them. */
  async function withPromises(
    run: (s: {
      enqueue(promised: boolean): Promise<string>;
      lookAfter(): Promise<void>;
      minutePasses(): void;
      flush(): Promise<void>;
      start(): Promise<void>;
      queue: JobQueue;
      kept(): Promise<number>;
      ran: string[];
    }) => Promise<void>,
  ): Promise<void> {
    const fresh = await freshUrl();
    const t = await openTestApp({ databaseUrl: fresh.url, env: { ROLE: 'web' } });
    const redis = connectRedis(url ?? '', { onAway: () => {}, onBack: () => {} });
    const prefix = `{promises-${randomUUID()}}`;
    const log = createLog({ ...t.config.log, level: 'silent' });
    const registry = createJobRegistry();
    const promises = createPromises({ store: t.app.storage.jobs, clock: () => t.time.now, log });
    const queue = promises.over(
      createBullmqQueue({ redis, registry, log, prefix, onEnded: promises.ended, isPaused: promises.isPaused }),
    );
    const jobs = createJobs({ registry, queue, clock: () => new Date() });
    const ran: string[] = [];
    const job = jobs.register(
      defineJob({
        name: 'test.note',
        schema: Type.Object({}),
        async run(_args, { id }) {
          ran.push(id);
        },
      }),
    );
    try {
      await run({
        enqueue: (promised) => job.enqueue({}, { promised }),
        lookAfter: () => queue.lookAfter(),
        minutePasses: () => t.time.forward(MINUTE),
        flush: () => flush(redis, prefix),
        start: () => queue.start(),
        queue,
        kept: async () => (await t.app.storage.jobs.handed(after(t.time.now, 10 * MINUTE), 100)).length,
        ran,
      });
    } finally {
      await queue.stop(0);
      await flush(redis, prefix);
      await redis.close();
      await t.close();
      await fresh.drop();
    }
  }

  async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < 500; tries++) {
      if (await condition()) return;
      await pause(20);
    }
    assert.fail(`not within 10 s: ${what}`);
  }

  test(`a Redis that loses all loses no promised job, and runs none twice (${name})`, () =>
    withPromises(async (s) => {
      const promised = await Promise.all(Array.from({ length: 20 }, () => s.enqueue(true)));
      await s.enqueue(false);
      assert.equal(await s.kept(), 20);
      await s.flush();
      await s.start();
      await s.lookAfter();
      await pause(100);
      assert.deepEqual(s.ran, [], 'not before they are a minute old: they may be on their way');
      s.minutePasses();
      await Promise.all([s.lookAfter(), s.lookAfter()]);
      await until('all ran', () => s.ran.length >= 20);
      await until('none is kept', async () => (await s.kept()) === 0);
      assert.deepEqual(s.ran.toSorted(), promised.toSorted());
    }));

  test(`what Redis does not know any more is enqueued again under its own id; what has ended is forgotten (${name})`, () =>
    withPromises(async (s) => {
      const promised = await Promise.all(Array.from({ length: 20 }, () => s.enqueue(true)));
      await s.start();
      await until('all ran', () => s.ran.length === 20);
      await until('none is kept', async () => (await s.kept()) === 0);
      assert.deepEqual(s.ran.toSorted(), promised.toSorted());
      s.minutePasses();
      await s.lookAfter();
      await pause(100);
      assert.equal(s.ran.length, 20);
    }));

  test(`a paused queue stays paused where Redis loses all, also for jobs that come later (${name})`, () =>
    withPromises(async (s) => {
      const paused = async () => (await s.queue.status('test.note')).paused;
      await s.start();
      await s.queue.pause('test.note');
      await s.flush();
      assert.equal(await paused(), true);
      const ids = [await s.enqueue(true), await s.enqueue(false)];
      await pause(300);
      assert.deepEqual(s.ran, []);
      await s.flush();
      s.minutePasses();
      s.minutePasses();
      await s.lookAfter();
      await pause(300);
      assert.deepEqual(s.ran, []);
      await s.queue.resume('test.note');
      await until('the promised one ran', () => s.ran.length === 1);
      assert.deepEqual([s.ran, await paused()], [ids.slice(0, 1), false]);
    }));
}
