import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { Type } from 'typebox';
import { createBullmqQueue } from '../src/platform/queue/bullmq-queue.ts';
import { defineJob } from '../src/platform/queue/define-job.ts';
import { createJobRegistry } from '../src/platform/queue/job-registry.ts';
import { createJobs } from '../src/platform/queue/jobs.ts';
import { connectRedis } from '../src/platform/redis/connect.ts';
import { forgetPrefix } from './queue-world.ts';

const url = process.env.TEST_REDIS_URL;
const PREFIX = '{unreadable-jobs}';
const NAME = 'test.note';

test('which Redis damaged records were tried on', (t) => {
  t.diagnostic(
    url ? 'the Redis of TEST_REDIS_URL' : 'TEST_REDIS_URL names none: nothing about damaged records was shown',
  );
});

if (url)
  test('a job whose record is damaged or gone is shown as unreadable among the others, and removed', async () => {
    const redis = connectRedis(url ?? '', { onAway: () => {}, onBack: () => {} });
    const registry = createJobRegistry();
    const log = pino({ level: 'silent' });
    const queue = createBullmqQueue({ redis, registry, log, prefix: PREFIX });
    const jobs = createJobs({ registry, queue, clock: () => new Date() });
    const job = jobs.register(defineJob({ name: NAME, schema: Type.Object({}), run: async () => null }));
    const key = (tail: string) => `${PREFIX}:${NAME}:${tail}`;
    const { commands } = redis;
    try {
      const good = await job.enqueue({});
      /** Each takes a good job, and leaves it unreadable. */
      const DAMAGES: ((id: string) => Promise<unknown>)[] = [
        (id) => commands.del(key(id)),
        (id) => commands.hset(key(id), 'data', 'null'),
        (id) => commands.hset(key(id), 'data', '{"args":'),
        (id) => commands.hset(key(id), 'data', '5'),
        (id) => commands.hset(key(id), 'opts', '['),
        (id) => commands.hset(key(id), 'timestamp', 'noon'),
        async (id) => [await commands.del(key(id)), await commands.set(key(id), 'text')],
        async (id) => [await queue.cancel(id), await commands.hset(key('cancelled-jobs'), id, 'null')],
        async (id) => [await queue.cancel(id), await commands.hset(key('cancelled-jobs'), id, '{"id":')],
        async (id) => [await queue.cancel(id), await commands.hdel(key('cancelled-jobs'), id)],
      ];
      const bad: string[] = ['meta'];
      for (const damage of DAMAGES) {
        const id = await job.enqueue({});
        await damage(id);
        bad.push(id);
      }
      await job.enqueue({}, { delay: 60_000 }).then(async (id) => bad.push(id) && commands.del(key(id)));
      // An id that names a key of the queue itself.
      await queue.pause(NAME);
      await commands.lpush(key('wait'), 'meta');

      const listed = await queue.list({}, { skip: 0, limit: 50 });
      assert.deepEqual(listed.map(({ id }) => id).sort(), [good, ...bad].sort());
      assert.equal(await queue.count({}, 50), listed.length);
      for (const { id, name, unreadable } of listed) {
        assert.deepEqual([name, unreadable ?? false], [NAME, id !== good], id);
        assert.equal((await queue.find(id))?.unreadable ?? false, id !== good, id);
      }
      const { counts, oldestWaitingAt } = await queue.status(NAME);
      assert.deepEqual([counts.cancelled, counts.delayed, oldestWaitingAt instanceof Date], [3, 1, true]);
      for (const id of bad) {
        assert.equal(await queue.retry(id), false);
        assert.equal(await queue.cancel(id), false);
        assert.equal(await queue.remove(id), true, id);
        assert.equal(await queue.find(id), null, id);
        assert.equal(await queue.remove(id), false, id);
      }
      assert.deepEqual(
        (await queue.list({}, { skip: 0, limit: 50 })).map(({ id }) => id),
        [good],
      );
      assert.equal((await queue.status(NAME)).paused, true, 'the keys of the queue itself are left alone');
      await queue.resume(NAME);
      assert.equal(await queue.drain(), 1);
    } finally {
      await queue.stop(0);
      await forgetPrefix(url ?? '', PREFIX);
      await redis.close();
    }
  });
