import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createJobRegistry } from '../src/platform/queue/job-registry.ts';
import { createJobs } from '../src/platform/queue/jobs.ts';
import type { JobQueue } from '../src/platform/queue/queue.ts';
import { testDatabases } from './databases.ts';
import { createRandom } from './fuzz/random.ts';
import { effectJob, gatedJob, heldBy, readEffects, readMarks } from './kill/effects.ts';
import { type Carrier, forgetPrefix, migrate, openCarrier } from './queue-world.ts';
import { until } from './until.ts';

const JOBS = 1000;
const KILLS = 20;
const WORKERS = 3;
/** After the death of its worker a job begins elsewhere within this time. Milliseconds, as below. */
const RESUMED_WITHIN = 15_000;
const SUSPENDED = 15_000;
const TEST_LIMIT = 600_000;

const redis = process.env.TEST_REDIS_URL;
const DATABASES = testDatabases().filter(({ name }) => name === 'sqlite' || name === 'postgres');
const CARRIERS = [
  ...DATABASES.map(({ name, emptyUrl }) => ({ name: `the table on ${name}`, emptyUrl })),
  ...(redis ? [{ name: 'BullMQ', emptyUrl: async () => ({ url: redis, drop: async () => {} }) }] : []),
];

const WORKER = join(import.meta.dirname, 'kill/job-worker.ts');

interface Place {
  dir: string;
  jobs: ReturnType<typeof createJobs>;
  deathsOf: Carrier['deathsOf'];
  queue: JobQueue;
  /** Starts a worker process; resolves when it takes jobs. */
  start(): Promise<ChildProcess>;
}

/** A queue without a worker, and a way to start some; they have ended afterwards, whatever came in between. */
async function withWorkers(
  emptyUrl: () => Promise<{ url: string; drop(): Promise<void> }>,
  run: (place: Place) => Promise<void>,
): Promise<void> {
  const { url, drop } = await emptyUrl();
  const prefix = `{kills-${randomUUID()}}`;
  const dir = await mkdtemp(join(tmpdir(), 'ostiary-jobs-'));
  await mkdir(join(dir, 'effects'));
  if (!url.startsWith('redis')) await migrate(url);
  const carrier = await openCarrier(url, prefix);
  const registry = createJobRegistry();
  const queue = carrier.queueOf(registry);
  const jobs = createJobs({ registry, queue, clock: () => new Date() });
  for (const define of [effectJob, gatedJob]) jobs.register(define(async () => assert.fail('no worker')));
  const started: ChildProcess[] = [];
  const killAll = () => started.map((child) => child.kill('SIGKILL'));
  process.once('exit', killAll);
  try {
    await run({
      dir,
      jobs,
      queue,
      deathsOf: carrier.deathsOf,
      async start() {
        const options = ['--disable-warning=ExperimentalWarning', WORKER, url, prefix, dir];
        const child = spawn(process.execPath, options, { stdio: ['ignore', 'pipe', 'inherit'] });
        started.push(child);
        await once(child.stdout, 'data');
        return child;
      },
    });
  } finally {
    killAll();
    process.removeListener('exit', killAll);
    await Promise.all(started.filter((child) => child.exitCode === null && child.signalCode === null).map(exitOf));
    await queue.stop(0);
    await carrier.close();
    if (url.startsWith('redis')) await forgetPrefix(url, prefix);
    await drop();
    await rm(dir, { recursive: true, force: true });
  }
}

const exitOf = (child: ChildProcess) => once(child, 'exit');

for (const { name, emptyUrl } of CARRIERS) {
  describe(`worker processes over ${name}`, { timeout: TEST_LIMIT }, () => {
    test(`${JOBS} jobs, each enqueued twice, through ${KILLS} kills: none is lost, no effect is doubled`, (t) =>
      withWorkers(emptyUrl, async ({ dir, jobs, queue, deathsOf, start }) => {
        const random = createRandom(3, -1);
        const keyOf = (n: number) => `effect ${n}`;
        const ids = Array.from({ length: JOBS }, (_, n) => jobs.idOf('test.effect', keyOf(n)));
        const takes = ids.map(() => 50 + random.int(400));
        const deliver = async (from: number, to: number) => {
          const some = takes.slice(from, to).map((takes, i) => ({ n: from + i, takes }));
          const told = await Promise.all(some.map((args) => jobs.enqueue('test.effect', args, { key: keyOf(args.n) })));
          assert.deepEqual(told, ids.slice(from, to));
        };
        for (let n = 0; n < JOBS; n += 50) await deliver(n, n + 50);

        const workers = await Promise.all(Array.from({ length: WORKERS }, start));
        const kills: { pid: number; at: number; held: string[] }[] = [];
        let restarts: Promise<unknown> = Promise.resolve();
        for (let round = 0; round < KILLS; round++) {
          // The jobs that are delivered again have ended, run, or wait.
          await deliver((round * JOBS) / KILLS, ((round + 1) * JOBS) / KILLS);
          const goal = round * 40 + random.int(40);
          const at = random.int(WORKERS);
          await until('enough have ended', async () => (await readEffects(dir)).length >= goal);
          await restarts;
          const victim = workers[at] as ChildProcess;
          await until('it holds jobs', async () => heldBy(victim.pid, await readMarks(dir)).length > 0);
          await pause(random.int(100));
          const killed = { pid: victim.pid ?? 0, at: Date.now(), held: [] as string[] };
          victim.kill('SIGKILL');
          await exitOf(victim);
          killed.held = heldBy(killed.pid, await readMarks(dir));
          kills.push(killed);
          restarts = start().then((child) => {
            workers[at] = child;
          });
        }
        await restarts;
        await until('all have ended', async () => (await queue.status('test.effect')).counts.completed === JOBS);

        const marks = await readMarks(dir);
        const gaps = kills.flatMap(({ pid, at, held }) =>
          held.map((id) => {
            const next = marks.find(
              (mark) => mark.id === id && mark.what === 'began' && mark.pid !== pid && mark.at >= at,
            );
            return next ? next.at - at : Number.POSITIVE_INFINITY;
          }),
        );
        // Whoever is killed between taking a job and beginning it leaves no mark, and the job waits for the end of that claim, too.
        const late: number[] = [];
        const held = kills.flatMap((kill) => kill.held);
        for (const [i, id] of held.entries()) {
          const unseen = ((await deathsOf(id)) ?? 0) - held.filter((other) => other === id).length;
          const gap = gaps[i] ?? Number.POSITIVE_INFINITY;
          if (gap > RESUMED_WITHIN * (1 + Math.max(unseen, 0))) late.push(gap);
        }
        const begun = marks.filter(({ what }) => what === 'began');
        const isKilled = new Set(kills.map(({ pid }) => pid));
        const last = new Map(begun.map((mark) => [mark.id, mark]));
        const needless = begun.filter((mark) => last.get(mark.id) !== mark && !isKilled.has(mark.pid));
        t.diagnostic(
          `${name}: ${begun.length} attempts of ${JOBS} jobs; ${gaps.length} were held at one of ${kills.length} kills, ` +
            `the longest was resumed after ${Math.max(...gaps)} ms; ${needless.length} began again without a kill`,
        );

        const effects = await readEffects(dir);
        assert.deepEqual(
          effects.toSorted(([a], [b]) => a - b),
          ids.map((id, n) => [n, id]),
          'one effect of each',
        );
        const found = await Promise.all(ids.map((id) => queue.find(id)));
        assert.deepEqual(
          found.map((job) => [job?.state, job?.result]),
          ids.map((_, n) => ['completed', n]),
        );
        assert.ok(
          found.every((job) => job?.attempts === 1),
          'a death is no failed attempt',
        );
        assert.equal(await queue.count({}, JOBS * 2), JOBS);
        assert.ok(gaps.length >= KILLS, 'each kill hit somebody who had a job');
        assert.deepEqual(late, [], 'resumed too late');
      }));

    test('a suspended worker whose claim ran out cannot settle what another has finished', (t) =>
      withWorkers(emptyUrl, async ({ dir, jobs, queue, start }) => {
        const began = (id: string, { pid }: ChildProcess) =>
          until('it began', async () => heldBy(pid, await readMarks(dir)).includes(id));
        const completed = (id: string) =>
          until('it is completed', async () => {
            const job = await queue.find(id);
            return job?.state === 'completed' ? job : null;
          });
        const letGo = ({ pid }: ChildProcess) => writeFile(join(dir, `go-${pid}`), '');

        const sleeper = await start();
        const id = await jobs.enqueue('test.gated', { n: 1 });
        await began(id, sleeper);
        sleeper.kill('SIGSTOP');
        const suspendedAt = performance.now();
        const other = await start();
        await began(id, other);
        t.diagnostic(`${name}: another had it after ${Math.round(performance.now() - suspendedAt)} ms`);
        await letGo(other);
        const finished = await completed(id);
        assert.deepEqual([finished.result, finished.attempts], [other.pid, 1]);

        await pause(Math.max(0, suspendedAt + SUSPENDED - performance.now()));
        await letGo(sleeper);
        sleeper.kill('SIGCONT');
        await until('the sleeper ends its attempt', async () =>
          (await readMarks(dir)).some((mark) => mark.id === id && mark.pid === sleeper.pid && mark.what === 'ended'),
        );
        other.kill('SIGTERM');
        await exitOf(other);
        // By the time that it has done another job, it has said whatever it had to say about the first.
        assert.equal((await completed(await jobs.enqueue('test.gated', { n: 2 }))).result, sleeper.pid);
        assert.deepEqual(await queue.find(id), finished);
        sleeper.kill('SIGTERM');
        assert.deepEqual(await exitOf(sleeper), [0, null]);
      }));
  });
}
