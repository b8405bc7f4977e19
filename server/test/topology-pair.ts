import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Type } from 'typebox';
import { createMailbox } from '../src/platform/mail/mailbox.ts';
import { defineJob } from '../src/platform/queue/define-job.ts';
import type { Jobs } from '../src/platform/queue/jobs.ts';
import { openTestApp, type TestApp } from './app.ts';
import { LIMITED } from './guessers.ts';
import { untilAborted } from './queue-world.ts';
import { freshSqlite } from './scenario.ts';
import { until } from './until.ts';

/** Two instances on one database and one Redis. */
export interface Pair {
  redisUrl: string;
  databaseUrl: string;
  one: TestApp;
  two: TestApp;
  /** Ids of the jobs that wait to be cancelled. */
  waiting: string[];
  /** To whom mails were sent, as far as the mailbox has them. */
  mailsSent(): Promise<string[]>;
}

/** Runs a test with two instances, limits on, which are gone afterwards. */
export async function withPair(
  redisUrl: string,
  time: TestApp['time'],
  run: (pair: Pair) => Promise<void>,
): Promise<void> {
  const { url: databaseUrl, drop } = await freshSqlite();
  const dataDir = await mkdtemp(join(tmpdir(), 'ostiary-topology-'));
  const waiting: string[] = [];
  const waits = defineJob({
    name: 'test.waits',
    schema: Type.Object({}, { additionalProperties: false }),
    run(_args, { id, signal }) {
      waiting.push(id);
      return untilAborted(signal);
    },
  });
  const jobs = (all: Jobs) => void all.register(waits);
  const opened: TestApp[] = [];
  try {
    const env = { ...LIMITED, REDIS_URL: redisUrl };
    for (let i = 0; i < 2; i++) opened.push(await openTestApp({ databaseUrl, dataDir, time, env, jobs }));
    const [one, two] = opened as [TestApp, TestApp];
    for (const { app } of opened) {
      await until('it is ready', async () => (await app.http.inject('/ready')).json().status === 'ready');
    }
    const mailbox = createMailbox({ dir: join(dataDir, 'mailbox'), clock: () => time.now });
    const mailsSent = async () => (await mailbox.list()).map(({ to }) => to);
    await run({ redisUrl, databaseUrl, one, two, waiting, mailsSent });
  } finally {
    for (const { close } of opened) await close();
    await drop();
    await rm(dataDir, { recursive: true, force: true });
  }
}
