import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { Type } from 'typebox';
import { createPromises } from '../src/modules/jobs/promised-queue.ts';
import { createRedisPresence, RedisShared } from '../src/modules/jobs/redis-presence.ts';
import { after, DAY, MINUTE } from '../src/platform/clock.ts';
import { createBullmqQueue } from '../src/platform/queue/bullmq-queue.ts';
import { defineJob } from '../src/platform/queue/define-job.ts';
import { createJobRegistry } from '../src/platform/queue/job-registry.ts';
import { createJobs } from '../src/platform/queue/jobs.ts';
import type { EnqueueOptions, JobQueue } from '../src/platform/queue/queue.ts';
import { connectRedis, type RedisConnections } from '../src/platform/redis/connect.ts';
import { openTestApp } from './app.ts';
import { createClient } from './client.ts';
import { hasOwnRedis, type OwnRedis, whenReady, withOwnRedis } from './own-redis.ts';
import { freshSqlite, somebody } from './scenario.ts';
import { until } from './until.ts';

const NAME = 'test.note';
const PREFIX = 'ostiary:{one}';
const FORMER = '{ostiary-jobs}';
const log = pino({ level: 'silent' });

test('whether there is a redis-server to lose jobs in', (t) => {
  t.diagnostic(hasOwnRedis() ? 'there is' : 'there is none: nothing about a Redis that loses jobs was shown');
});

interface Scene {
  own: OwnRedis;
  raw: Redis;
  redis: RedisConnections;
  enqueue(options?: EnqueueOptions): Promise<string>;
  /** Two minutes pass, or more, and promises are looked after. */
  lookAfter(milliseconds?: number): Promise<void>;
  start(): Promise<void>;
  kept(): Promise<number>;
  queue: JobQueue;
  ran: string[];
}

/** A queue over a Redis of its own, whose promised jobs a database keeps. */
function withPromises(run: (s: Scene) => Promise<void>): Promise<void> {
  return withOwnRedis(async (own) => {
    const fresh = await freshSqlite();
    const t = await openTestApp({ databaseUrl: fresh.url, env: { ROLE: 'web' } });
    const redis = connectRedis(own.url, { onAway: () => {}, onBack: () => {}, space: 'ostiary:one' });
    await whenReady(redis);
    const raw = new Redis(own.url);
    const registry = createJobRegistry();
    const store = t.app.storage.jobs;
    const promises = createPromises({ store, clock: () => t.time.now, log });
    const queue = promises.over(createBullmqQueue({ redis, registry, log, onEnded: promises.ended }));
    const jobs = createJobs({ registry, queue, clock: () => new Date() });
    const ran: string[] = [];
    const schema = Type.Object({ text: Type.Optional(Type.String()) });
    const job = jobs.register(defineJob({ name: NAME, schema, run: async (_args, { id }) => void ran.push(id) }));
    try {
      await run({
        own,
        raw,
        redis,
        enqueue: (options) => job.enqueue({ text: 'kept' }, { promised: true, ...options }),
        async lookAfter(milliseconds = 2 * MINUTE) {
          t.time.forward(milliseconds);
          await queue.lookAfter();
        },
        queue,
        start: () => queue.start(),
        kept: async () => (await store.handed(after(t.time.now, DAY), 100)).length,
        ran,
      });
    } finally {
      await queue.stop(0);
      raw.disconnect();
      await redis.close();
      await t.close();
      await fresh.drop();
    }
  });
}

const key = (rest: string) => `${PREFIX}:${NAME}:${rest}`;

/** What may become of a job in Redis before a worker has it. */
const LOSSES: Record<string, (raw: Redis, id: string) => Promise<unknown>> = {
  'everything is gone': (raw) => raw.flushall(),
  'its list is gone': (raw) => raw.del(key('wait'), key('prioritized'), key('delayed')),
  'its record is gone': (raw, id) => raw.del(key(id)),
  'its record is a text': (raw, id) => raw.multi().del(key(id)).set(key(id), 'x').exec(),
  'its arguments are gone': (raw, id) => raw.hdel(key(id), 'data'),
  'the list of active jobs is gone with it': (raw) =>
    raw.rename(key('wait'), key('active')).then(() => raw.del(key('active'))),
  'somebody says that it is completed': (raw, id) =>
    raw
      .multi()
      .lrem(key('wait'), 1, id)
      .zadd(key('completed'), Date.now(), id)
      .hset(key(id), 'finishedOn', Date.now())
      .exec(),
  'somebody says that it has failed': (raw, id) =>
    raw
      .multi()
      .lrem(key('wait'), 1, id)
      .zadd(key('failed'), Date.now(), id)
      .hset(key(id), 'finishedOn', Date.now())
      .exec(),
};

describe('a promised job runs, and is promised no longer', { skip: !hasOwnRedis() }, () => {
  for (const [name, lose] of Object.entries(LOSSES)) {
    for (const [kind, options] of Object.entries({ plain: {}, unique: { unique: 'one' } })) {
      test(`although ${name} (${kind})`, () =>
        withPromises(async ({ raw, enqueue, lookAfter, start, kept, ran }) => {
          const id = await enqueue(options);
          await lose(raw, id);
          await lookAfter();
          await start();
          await until('it ran', () => ran.includes(id));
          await until('it is not kept', async () => (await kept()) === 0);
          await lookAfter();
          assert.deepEqual(ran, [id]);
        }));
    }
  }

  test('although it waits with a priority, or for its time, and its list is gone', () =>
    withPromises(async ({ raw, enqueue, lookAfter, start, ran }) => {
      const ids = [await enqueue({ priority: 7 }), await enqueue({ delay: MINUTE })];
      await raw.del(key('prioritized'), key('delayed'));
      // The job waits by the real clock, which is ahead of the one of tests.
      await lookAfter(365 * DAY);
      await start();
      await until('both ran', () => ids.every((id) => ran.includes(id)));
    }));

  test('what has ended is not run again, however often promises are looked after', () =>
    withPromises(async ({ enqueue, lookAfter, start, kept, ran }) => {
      await start();
      const ids = await Promise.all(Array.from({ length: 20 }, () => enqueue()));
      await until('all ran', () => ran.length === 20);
      await until('none is kept', async () => (await kept()) === 0);
      for (let i = 0; i < 3; i++) await lookAfter();
      assert.deepEqual(ran.toSorted(), ids.toSorted());
    }));

  test('what waits under the names of earlier versions runs, promised or not, once', () =>
    withPromises(async ({ raw, redis, enqueue, lookAfter, start, kept, ran }) => {
      const former = new Queue(NAME, { connection: redis.commands, prefix: FORMER });
      const promised = await enqueue();
      await raw.flushall();
      await former.add(NAME, { args: { text: 'kept' }, promised: true }, { jobId: promised });
      const id = '01a22b75-e664-7c89-90eb-2eec6cc1fb63';
      await former.add(NAME, { args: {} }, { jobId: id, attempts: 3 });
      const strange = '01a22b75-e664-7c89-90eb-2eec6cc1fb64';
      await former.add(NAME, { args: {}, promised: true }, { jobId: strange });
      await start();
      await until('the other ran', () => ran.includes(id));
      await lookAfter();
      await until('both ran', () => ran.includes(promised));
      await until('none is kept', async () => (await kept()) === 0);
      assert.deepEqual(ran, [id, promised]);
      assert.deepEqual(await raw.lrange(`${FORMER}:${NAME}:wait`, 0, -1), [strange], 'of another installation');
      await former.close();
    }));
});

test('a Redis that pauses keeps nobody waiting who looks at jobs', { skip: !hasOwnRedis() }, () =>
  withPromises(async ({ raw, queue }) => {
    await raw.call('CLIENT', 'PAUSE', '600000');
    const unavailable = { code: 'unavailable' };
    await Promise.all([
      assert.rejects(queue.list({}, { skip: 0, limit: 10 }), unavailable),
      assert.rejects(queue.status(NAME), unavailable),
      assert.rejects(queue.find('any'), unavailable),
      assert.rejects(queue.pause(NAME), unavailable),
    ]);
  }),
);

describe('two installations in one Redis', { skip: !hasOwnRedis() }, () => {
  test('each sends its own mails, and all of them', () =>
    withOwnRedis(async ({ url: REDIS_URL }) => {
      const databases = [await freshSqlite(), await freshSqlite()];
      const both = await Promise.all(databases.map(({ url }) => openTestApp({ databaseUrl: url, env: { REDIS_URL } })));
      const people = both.map((t) => ({ t, people: Array.from({ length: 15 }, somebody) }));
      for (const { t, people: some } of people) {
        const client = createClient(t);
        for (const { email, password } of some) {
          await client.send('POST', '/auth/register', { body: { email, password } });
        }
      }
      for (const { t, people: some } of people) {
        for (const { email } of some) {
          await until(`a mail to ${email}`, async () => (await t.mailsTo(email)).length === 1);
        }
      }
      await Promise.all(both.map((t) => t.close()));
      await Promise.all(databases.map(({ drop }) => drop()));
    }));

  test('a copy of a database does not start beside its original, and is told if it was there first', () =>
    withOwnRedis(async ({ url }) => {
      const databases = [await freshSqlite(), await freshSqlite()];
      const both = await Promise.all(
        databases.map((fresh) => openTestApp({ databaseUrl: fresh.url, env: { ROLE: 'web' } })),
      );
      const redis = connectRedis(url, { onAway: () => {}, onBack: () => {}, space: 'ostiary:one' });
      await whenReady(redis);
      const lines: string[] = [];
      const [original, copy] = both.map((t, i) => ({
        id: `worker-${i}`,
        store: t.app.storage.workers,
        presence: createRedisPresence({
          redis,
          store: t.app.storage.workers,
          clock: () => t.time.now,
          log: pino({}, { write: (line: string) => void lines.push(line) }),
        }),
        beat: () =>
          t.app.storage.workers.heartbeat({
            id: `worker-${i}`,
            host: 'host',
            pid: 1,
            startedAt: t.time.now,
            seenAt: t.time.now,
            active: 0,
            names: [],
          }),
      }));
      assert.ok(original && copy);
      await original.beat();
      await original.presence.mark(original.id);
      await original.presence.demandAlone();
      await assert.rejects(copy.presence.demandAlone(), RedisShared);
      assert.deepEqual(lines, []);
      await copy.beat();
      await copy.presence.mark(copy.id);
      await original.presence.mark(original.id);
      await original.presence.mark(original.id);
      assert.equal(lines.length, 2, 'each tells it once');
      await copy.presence.unmark(copy.id);
      await original.presence.demandAlone();
      await redis.close();
      await Promise.all(both.map((t) => t.close()));
      await Promise.all(databases.map(({ drop }) => drop()));
    }));
});
