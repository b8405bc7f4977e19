import { randomUUID } from 'node:crypto';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { answerCalls } from '../lib/calls.ts';
import { ARGS, CONCURRENCY, createJobRounds } from './job-rounds.ts';

const NAME = 'bench.job';
const DAY = 24 * 3600;

let rounds: ReturnType<typeof createJobRounds>;
let add: () => Promise<unknown>;

/** BullMQ by hand, told to keep, to retry and to log as much as the server's queue does, and with ids of its caller's making. */
answerCalls({
  async open({ url }: { url: string }): Promise<void> {
    const prefix = '{raw-jobs}';
    const queue = new Queue(NAME, {
      prefix,
      connection: new Redis(url, { maxRetriesPerRequest: 3 }),
      defaultJobOptions: {
        keepLogs: 100,
        stackTraceLimit: 1,
        attempts: 6,
        backoff: { type: 'exponential', delay: 1000 },
      },
    });
    add = () => queue.add(NAME, { args: ARGS }, { jobId: randomUUID() });
    rounds = createJobRounds({
      pause: () => queue.pause(),
      resume: () => queue.resume(),
      active: () => queue.getActiveCount(),
    });
    await queue.pause();
    const worker = new Worker(NAME, async () => rounds.ran(), {
      prefix,
      connection: new Redis(url, { maxRetriesPerRequest: null }),
      concurrency: CONCURRENCY,
      removeOnComplete: { age: 1 * DAY },
      removeOnFail: { age: 30 * DAY },
    });
    await worker.waitUntilReady();
  },
  enqueue: ({ seconds }: { seconds: number }) => rounds.enqueue(add, seconds),
  run: () => rounds.run(),
});
