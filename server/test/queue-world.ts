import { pino } from 'pino';
import { type Static, Type } from 'typebox';
import { createTableQueue } from '../src/modules/jobs/table-queue.ts';
import { openStorage } from '../src/open-storage.ts';
import { systemClock } from '../src/platform/clock.ts';
import { connectDatabase, sqlOf } from '../src/platform/database/database.ts';
import { createMigrator, discoverMigrations } from '../src/platform/database/migrations.ts';
import { createBullmqQueue } from '../src/platform/queue/bullmq-queue.ts';
import { defineJob, type JobContext, type JobDefinition } from '../src/platform/queue/define-job.ts';
import { createJobRegistry, type JobRegistry } from '../src/platform/queue/job-registry.ts';
import { createJobs, type Jobs } from '../src/platform/queue/jobs.ts';
import type { EnqueueOptions, JobQueue, JobRecord } from '../src/platform/queue/queue.ts';
import { connectRedis } from '../src/platform/redis/connect.ts';
import { nextNumber } from './fixtures.ts';
import { PATIENCE } from './patience.ts';
import { until } from './until.ts';

/** Where jobs are kept. */
export interface Carrier {
  /** A queue of its own, as another process would have it. */
  queueOf(registry: JobRegistry): JobQueue;
  /** How often a worker died that had a job; null where that is not known. */
  deathsOf(id: string): Promise<number | null>;
  /** Stop its queues first. */
  close(): Promise<void>;
}

export type OpenCarrier = () => Promise<Carrier>;

/** What the queues of this process logged. */
export const logged: string[] = [];
const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(line) });

/** Makes the tables in an empty database. */
export async function migrate(url: string): Promise<void> {
  const database = await open(url);
  await createMigrator(database, await discoverMigrations(new URL('../src/modules/', import.meta.url))).up();
  await database.close();
}

/** Jobs in Redis, under the prefix, or in the tables of a database, as the URL says. */
export async function openCarrier(url: string, prefix: string): Promise<Carrier> {
  if (url.startsWith('redis')) {
    const redis = connectRedis(url, { onAway: () => {}, onBack: () => {} });
    return {
      queueOf: (registry) => createBullmqQueue({ redis, registry, prefix, log }),
      deathsOf: async () => null,
      close: () => redis.close(),
    };
  }
  const database = await open(url);
  const { jobs: store } = openStorage(database, { onCommit: () => {} });
  return {
    queueOf: (registry) => createTableQueue({ store, registry, clock: systemClock, log }),
    async deathsOf(id) {
      const { db } = sqlOf<{ jobs: { id: string; deaths: number } }>(database);
      return (await db.selectFrom('jobs').select('deaths').where('id', '=', id).executeTakeFirstOrThrow()).deaths;
    },
    close: () => database.close(),
  };
}

const open = (url: string) =>
  connectDatabase({
    url,
    poolSize: 10,
    slowQuery: Number.POSITIVE_INFINITY,
    log: { warn: () => {} },
    patience: PATIENCE,
  });

/** Takes away whatever Redis has under the prefix. */
export async function forgetPrefix(url: string, prefix: string): Promise<void> {
  const redis = connectRedis(url, { onAway: () => {}, onBack: () => {} });
  const keys = await redis.commands.keys(`${prefix.replace(/[{}]/g, '\\$&')}*`);
  if (keys.length > 0) await redis.commands.del(...keys);
  await redis.close();
}

const ARGS = Type.Object({ n: Type.Integer(), more: Type.Optional(Type.Unknown()) });
export type TestArgs = Static<typeof ARGS>;
export type TestJob = JobDefinition<typeof ARGS>;

/** A kind of job with a name of its own, that is tried once, and soon again if it has retries. */
export function testJob(run: (args: TestArgs, context: JobContext) => unknown, fields: Partial<TestJob> = {}): TestJob {
  return defineJob({
    name: `test.job-${nextNumber()}`,
    schema: ARGS,
    retries: 0,
    backoff: { base: 10, max: 20 },
    run: async (args, context) => run(args, context),
    ...fields,
  });
}

/** A process, as it were, that knows one kind of job. */
export interface Instance {
  name: string;
  jobs: Jobs;
  queue: JobQueue;
  enqueue(n: number, options?: EnqueueOptions): Promise<string>;
  /** Waits until a job has ended. */
  ended(id: string): Promise<JobRecord>;
  /** Waits until a job is in this state. */
  reaches(id: string, state: JobRecord['state']): Promise<JobRecord>;
}

/** Runs a test with instances over a carrier, which are stopped afterwards. */
export async function withInstances(
  openCarrier: OpenCarrier,
  run: (instance: (definition: TestJob) => Instance) => Promise<void>,
): Promise<void> {
  const carrier = await openCarrier();
  const opened: Instance[] = [];
  try {
    await run((definition) => {
      const instance = openInstance(carrier, definition);
      opened.push(instance);
      return instance;
    });
  } finally {
    await Promise.all(opened.map(({ queue }) => queue.stop(0)));
    await carrier.close();
  }
}

/** The body of a test with instances over a carrier. */
export const over =
  (open: OpenCarrier) => (run: (instance: (definition: TestJob) => Instance) => Promise<void>) => () =>
    withInstances(open, run);

function openInstance(carrier: Carrier, definition: TestJob): Instance {
  const registry = createJobRegistry();
  const queue = carrier.queueOf(registry);
  const jobs = createJobs({ registry, queue, clock: systemClock });
  const job = jobs.register(definition);
  const reaches = (id: string, what: string, is: (job: JobRecord) => boolean) =>
    until(`job ${what}`, async () => {
      const found = await queue.find(id);
      return found && is(found) ? found : null;
    });
  return {
    name: definition.name,
    jobs,
    queue,
    enqueue: (n, options) => job.enqueue({ n }, options),
    ended: (id) => reaches(id, 'ended', ({ finishedAt }) => finishedAt !== null),
    reaches: (id, state) => reaches(id, state, (found) => found.state === state),
  };
}

/** What a handler does that heeds its signal and nothing else. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** A handler's place to wait until the test lets it go on. */
export function createGate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}
