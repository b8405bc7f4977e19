import { startTestServers } from '../../server/tools/test-servers/start.ts';
import { type Child, startChild } from '../lib/child.ts';
import type { Context, Measure } from '../lib/context.ts';
import { type BenchDatabase, newDatabases } from '../lib/databases.ts';
import { type Figure, number, ratioFigure } from '../lib/figure.ts';
import { ratioOf } from '../lib/ratio.ts';
import { median } from '../lib/statistics.ts';
import type { JobSample } from '../servers/job-rounds.ts';

/** The part of a round's seconds in which one slice enqueues; running what is in line then takes some more. */
const REDIS_PART = 1 / 8;
const TABLE_PART = 1 / 4;
/** Of the seconds of warming up: what is enqueued in them is run as well. */
const WARM_UP_PART = 1 / 4;
/** Slices of each round on Redis: the shorter they are, the more alike is what else the machine does during both sides. */
const SLICES = 2;

const KINDS = ['enqueue', 'run', 'both'] as const;
type Kind = (typeof KINDS)[number];

export const jobs: Measure = {
  name: 'jobs',
  summary: 'the queue of jobs: on Redis against BullMQ alone, and in the table of a database',
  async *run(context) {
    yield* againstBullmq(context);
    for (const database of await newDatabases(context)) yield* inTable(context, database);
  },
};

async function* againstBullmq(context: Context): AsyncGenerator<Figure> {
  // A private one in any case: what the measure leaves in it is thrown away.
  const servers = await startTestServers({ only: ['redis'], env: {} });
  try {
    const url = servers.urls.redis;
    if (url === undefined) return;
    const [ours, theirs] = await Promise.all([
      openSide(context, 'servers/job-queue.ts', url),
      openSide(context, 'servers/raw-bullmq.ts', url),
    ]);
    const pairs: Record<Exclude<Kind, 'both'>, { ours: JobSample; theirs: JobSample }[]> = { enqueue: [], run: [] };
    const { plan } = context;
    // The first slice warms up.
    for (let index = 0; index <= plan.rounds * SLICES; index++) {
      const seconds = index === 0 ? plan.warmUp * WARM_UP_PART : plan.seconds * REDIS_PART;
      for (const kind of ['enqueue', 'run'] as const) {
        const pair = await inTurn(kind, { ours, theirs }, seconds, index % 2 === 0);
        if (index > 0) pairs[kind].push(pair);
      }
    }
    await Promise.all([ours.stop(), theirs.stop()]);

    for (const kind of ['enqueue', 'run'] as const) {
      const by = (unit: 'rate' | 'perCoreSecond') =>
        ratioOf(pairs[kind].map((pair) => ({ ours: pair.ours[unit], theirs: pair.theirs[unit] })));
      const name = `jobs on Redis, ${kind} / BullMQ alone`;
      const figure = ratioFigure(name, by('rate'), { unit: '/s', aim: { at: 'least', value: 0.8 } });
      const ofCore = by('perCoreSecond');
      const remark = `; per core second ${number(ofCore.ours)} against ${number(ofCore.theirs)}, ${ofCore.value.toFixed(2)}`;
      yield { ...figure, detail: figure.detail + remark };
    }
  } finally {
    await servers.stop();
  }
}

async function inTurn(
  kind: Kind,
  sides: { ours: Child; theirs: Child },
  seconds: number,
  isOursFirst: boolean,
): Promise<{ ours: JobSample; theirs: JobSample }> {
  const measure = (side: Child) => side.call<JobSample>(kind, { seconds });
  if (isOursFirst) {
    const ours = await measure(sides.ours);
    return { ours, theirs: await measure(sides.theirs) };
  }
  const theirs = await measure(sides.theirs);
  return { theirs, ours: await measure(sides.ours) };
}

async function* inTable(context: Context, database: BenchDatabase): AsyncGenerator<Figure> {
  const { plan } = context;
  const side = await openSide(context, 'servers/job-queue.ts', database.url);
  const samples: Record<Kind, JobSample[]> = { enqueue: [], run: [], both: [] };
  for (let index = 0; index <= plan.rounds; index++) {
    const seconds = index === 0 ? plan.warmUp * WARM_UP_PART : plan.seconds * TABLE_PART;
    for (const kind of KINDS) {
      const sample = await side.call<JobSample>(kind, { seconds });
      if (index > 0) samples[kind].push(sample);
    }
  }
  await side.stop();

  for (const kind of KINDS) {
    const rates = samples[kind].map(({ rate }) => rate);
    const busy = Math.round(median(samples[kind].map((sample) => sample.busy)) * 100);
    yield {
      name: `jobs in the table, ${kind === 'both' ? 'enqueue and run' : kind}, ${database.product}`,
      value: median(rates),
      unit: '/s',
      ...(kind === 'both' && { aim: { at: 'least', value: 1000 } as const }),
      detail: `rounds ${number(Math.min(...rates))} to ${number(Math.max(...rates))}; with ${busy} % of a core`,
    };
  }
}

async function openSide({ places, nodeArgs }: Context, script: string, url: string): Promise<Child> {
  const side = startChild(script, { cores: places.server, nodeArgs });
  await side.call('open', { url });
  return side;
}
