// A worker process for the tests: node job-worker.ts <url> <prefix> <folder>
// It writes down in the folder which attempts began and ended, and leaves one file for the effect of each job.

import { appendFileSync, closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createJobRegistry } from '../../src/platform/queue/job-registry.ts';
import { createJobs } from '../../src/platform/queue/jobs.ts';
import { openCarrier } from '../queue-world.ts';
import { effectJob, gatedJob, type Mark } from './effects.ts';

const [url = '', prefix = '', dir = ''] = process.argv.slice(2);

/** Lines this short are appended as a whole, whichever processes do so at once. */
const mark = (what: Mark['what'], id: string) =>
  appendFileSync(join(dir, 'marks'), `${JSON.stringify({ what, id, pid: process.pid, at: Date.now() })}\n`);

const carrier = await openCarrier(url, prefix);
const registry = createJobRegistry();
const queue = carrier.queueOf(registry);
const jobs = createJobs({ registry, queue, clock: () => new Date() });

jobs.register(
  effectJob(async ({ n, takes }, { id }) => {
    mark('began', id);
    await pause(takes);
    // Made in one step, and there already a second time: the effect is idempotent by the job's id.
    closeSync(openSync(join(dir, 'effects', `${n}.${id}`), 'a'));
    mark('ended', id);
    return n;
  }),
);

jobs.register(
  gatedJob(async (_, { id }) => {
    mark('began', id);
    // It does not heed its signal, as a handler in a synchronous library would not.
    while (!existsSync(join(dir, `go-${process.pid}`))) await pause(20);
    mark('ended', id);
    return process.pid;
  }),
);

// A queue alone does not keep a process going.
const alive = setInterval(() => {}, 60_000);

process.once('SIGTERM', async () => {
  clearInterval(alive);
  await queue.stop(1000);
  await carrier.close();
});

await queue.start();
process.stdout.write('started\n');
