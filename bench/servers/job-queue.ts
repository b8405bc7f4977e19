import { pino } from 'pino';
import { createTableQueue } from '../../server/src/modules/jobs/table-queue.ts';
import { openStorage } from '../../server/src/open-storage.ts';
import { systemClock as clock } from '../../server/src/platform/clock.ts';
import { connectDatabase } from '../../server/src/platform/database/database.ts';
import { createMigrator, discoverMigrations } from '../../server/src/platform/database/migrations.ts';
import { createBullmqQueue } from '../../server/src/platform/queue/bullmq-queue.ts';
import { defineJob } from '../../server/src/platform/queue/define-job.ts';
import { createJobRegistry, type JobRegistry } from '../../server/src/platform/queue/job-registry.ts';
import { createJobs } from '../../server/src/platform/queue/jobs.ts';
import type { JobQueue } from '../../server/src/platform/queue/queue.ts';
import { connectRedis } from '../../server/src/platform/redis/connect.ts';
import { answerCalls } from '../lib/calls.ts';
import { ARGS, argsSchema, CONCURRENCY, createJobRounds } from './job-rounds.ts';

const NAME = 'bench.job';
/** As they are by default. */
const DATABASE = { poolSize: 10, slowQuery: 200 };

const log = pino({ level: 'info' });

/** Jobs in Redis, or in the tables of an empty database, as the URL says. */
async function openQueues(url: string): Promise<(registry: JobRegistry) => JobQueue> {
  if (url.startsWith('redis:')) {
    const redis = connectRedis(url, { onAway: (error) => log.error(error), onBack: () => {} });
    return (registry) => createBullmqQueue({ redis, registry, log });
  }
  const database = await connectDatabase({ url, ...DATABASE, log });
  const migrations = await discoverMigrations(new URL('../../server/src/modules/', import.meta.url));
  await createMigrator(database, migrations).up();
  const { jobs: store } = openStorage(database, { onCommit: () => {} });
  return (registry) => createTableQueue({ store, registry, clock, log });
}

let rounds: ReturnType<typeof createJobRounds>;
let enqueueApart: () => Promise<string>;
let enqueueHere: () => Promise<string>;

/** The queue of jobs as the server composes it: once as in a process of the role `web`, which only enqueues, once with its worker. */
answerCalls({
  async open({ url }: { url: string }): Promise<void> {
    const queueOf = await openQueues(url);
    const job = defineJob({
      name: NAME,
      schema: argsSchema,
      concurrency: CONCURRENCY,
      run: async () => rounds.ran(),
    });
    function process(): { queue: JobQueue; enqueue: () => Promise<string> } {
      const registry = createJobRegistry();
      const queue = queueOf(registry);
      const { enqueue } = createJobs({ registry, queue, clock }).register(job);
      return { queue, enqueue: () => enqueue(ARGS) };
    }
    const web = process();
    const worker = process();
    enqueueApart = web.enqueue;
    enqueueHere = worker.enqueue;
    rounds = createJobRounds({
      pause: () => worker.queue.pause(NAME),
      resume: () => worker.queue.resume(NAME),
      active: async () => (await worker.queue.status(NAME)).counts.active,
    });
    await worker.queue.pause(NAME);
    await worker.queue.start();
  },
  enqueue: ({ seconds }: { seconds: number }) => rounds.enqueue(enqueueApart, seconds),
  run: () => rounds.run(),
  both: ({ seconds }: { seconds: number }) => rounds.both(enqueueHere, seconds),
});
