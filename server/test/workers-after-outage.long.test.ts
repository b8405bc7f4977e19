import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Type } from 'typebox';
import { SECOND } from '../src/platform/clock.ts';
import { defineJob } from '../src/platform/queue/define-job.ts';
import { createJobRegistry } from '../src/platform/queue/job-registry.ts';
import { createJobs } from '../src/platform/queue/jobs.ts';
import { withOwnCluster } from './own-cluster.ts';
import { hasOwnRedis, withOwnRedis } from './own-redis.ts';
import { withOwnSentinel } from './own-sentinel.ts';
import { openCarrier } from './queue-world.ts';
import { until } from './until.ts';

/** Longer than a worker waits for its next job before it looks after its connection. Milliseconds, as below. */
const AWAY = 7 * SECOND;
const WHOLE_AGAIN = 15 * SECOND;
const STOP_LIMIT = 5 * SECOND;
const KINDS = 6;
const INSTANCES = 2;
const TEST_LIMIT = 180_000;

type Run = (url: string, outage: () => Promise<void>) => Promise<void>;

const OUTAGES: Record<string, (run: Run) => Promise<void>> = {
  'a Redis that was killed': (run) =>
    withOwnRedis((redis) =>
      run(redis.url, async () => {
        await redis.stop();
        await pause(AWAY);
        await redis.start();
      }),
    ),
  'a Redis that was silent': (run) =>
    withOwnRedis((redis) =>
      run(redis.url, async () => {
        redis.freeze();
        await pause(AWAY);
        redis.thaw();
      }),
    ),
  'a failover by Sentinel': (run) => withOwnSentinel((redis) => run(redis.url, redis.killMaster)),
  'a node of a cluster that was killed': (run) =>
    withOwnCluster((redis) =>
      run(redis.url, async () => {
        await redis.killOne();
        await pause(AWAY);
        await redis.restart();
      }),
    ),
  'a node of a cluster that was silent': (run) =>
    withOwnCluster((redis) =>
      run(redis.url, async () => {
        redis.freezeOne();
        await pause(AWAY);
        await redis.thaw();
      }),
    ),
};

test('whether there is a redis-server whose outages workers can be tried on', (t) => {
  t.diagnostic(hasOwnRedis() ? 'there is' : 'there is none: nothing about workers after an outage was shown');
});

for (const [name, withOutage] of Object.entries(OUTAGES)) {
  const options = { skip: !hasOwnRedis(), timeout: TEST_LIMIT };
  test(`every worker of every instance takes jobs after ${name}, and can be stopped`, options, (t) =>
    withOutage(async (url, outage) => {
      const instances = await Promise.all(Array.from({ length: INSTANCES }, () => openInstance(url)));
      const [first = assert.fail()] = instances;
      /** Fills all workers that there are; those that take nothing leave their jobs to others, who are full. */
      const allWork = async () => {
        for (const { seen } of instances) seen.clear();
        await until('every worker has taken a job', async () => {
          for (let kind = 0; kind < KINDS; kind++) {
            await first.jobs.enqueue(nameOf(kind), {}).catch(() => {});
          }
          await pause(50);
          return instances.every(({ seen }) => seen.size === KINDS);
        });
      };
      await allWork();
      await outage();
      const back = performance.now();
      await allWork();
      const took = performance.now() - back;
      for (const { queue, carrier } of instances) {
        const began = performance.now();
        await queue.stop(0);
        assert.ok(performance.now() - began < STOP_LIMIT, 'stopped in good time');
        await carrier.close();
      }
      t.diagnostic(`after ${name} every worker had a job within ${Math.round(took)} ms`);
      assert.ok(took < WHOLE_AGAIN, `after ${took} ms`);
    }),
  );
}

const nameOf = (kind: number) => `test.kind-${kind}`;

/** A process, as it were, with workers of all kinds that do one job at a time. */
async function openInstance(url: string) {
  const carrier = await openCarrier(url, '{outage}');
  const registry = createJobRegistry();
  const queue = carrier.queueOf(registry);
  const jobs = createJobs({ registry, queue, clock: () => new Date() });
  /** Kinds of which it has had a job. */
  const seen = new Set<number>();
  for (let kind = 0; kind < KINDS; kind++) {
    jobs.register(
      defineJob({
        name: nameOf(kind),
        schema: Type.Object({}, { additionalProperties: false }),
        concurrency: 1,
        async run() {
          seen.add(kind);
          await pause(100);
        },
      }),
    );
  }
  await queue.start();
  return { carrier, queue, jobs, seen };
}
