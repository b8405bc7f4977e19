import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { testDatabases } from '../../../test/databases.ts';
import { jobRecordOf } from '../../../test/fixtures.ts';
import { migrate, openCarrier } from '../../../test/queue-world.ts';
import { after } from '../clock.ts';
import { isId } from '../ids.ts';
import { defineJob } from './define-job.ts';
import { createJobRegistry } from './job-registry.ts';
import { createJobs, type Job, type Jobs } from './jobs.ts';
import type { EnqueueOptions, JobQueue } from './queue.ts';

const NOW = new Date('2026-11-20T13:14:15.678Z');
/** Must never change: jobs that are in line would be enqueued twice. */
const EXPECTED = 'a36ac851-1984-811a-8adb-465548cb9356';
const UUIDV8 = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const SCHEMA = Type.Object({ to: Type.String({ minLength: 1 }) }, { additionalProperties: false });

const mail = () => defineJob({ name: 'mail.send', schema: SCHEMA, run: async () => null, retries: 7 });

/** The way in, and the queue behind it, in a database of its own. */
async function withJobs(run: (opened: { jobs: Jobs; job: Job<typeof SCHEMA>; queue: JobQueue }) => Promise<void>) {
  const [sqlite] = testDatabases();
  assert.ok(sqlite);
  const { url, drop } = await sqlite.freshUrl();
  await migrate(url);
  const carrier = await openCarrier(url, '');
  const registry = createJobRegistry();
  const queue = carrier.queueOf(registry);
  const jobs = createJobs({ registry, queue, clock: () => NOW });
  try {
    await run({ jobs, queue, job: jobs.register(mail()) });
  } finally {
    await carrier.close();
    await drop();
  }
}

test('a job goes into the queue with what was asked for, and the rest as it was defined', () =>
  withJobs(async ({ jobs, job, queue }) => {
    const id = await job.enqueue({ to: 'a' });
    assert.ok(isId(id));
    const asked = { id, name: 'mail.send', args: { to: 'a' }, priority: 0, uniqueKey: null, retries: 7 };
    const expected = jobRecordOf({ ...asked, createdAt: NOW, runAt: null, promised: false });
    assert.deepEqual(await queue.find(id), expected);

    const options = { unique: 'u', delay: 1500, priority: 1000, retries: 0 };
    const later = await jobs.enqueue('mail.send', { to: 'b' }, options);
    assert.notEqual(later, id);
    const { unique: uniqueKey, delay, ...more } = options;
    const times = { state: 'delayed', runAt: after(NOW, delay) };
    assert.deepEqual(await queue.find(later), {
      ...expected,
      ...more,
      ...times,
      uniqueKey,
      id: later,
      args: { to: 'b' },
    });
  }));

test('arguments that do not fit are a TypeError that says where, and nothing is kept', () =>
  withJobs(async ({ jobs, queue }) => {
    const bad: unknown[] = [null, 'a', 1, [], {}, { to: '' }, { to: 1 }, { to: 'a', cc: 'b' }];
    for (const args of [...bad, { to: 'x'.repeat(65_536) }]) {
      await assert.rejects(jobs.enqueue('mail.send', args), TypeError, JSON.stringify(args));
      assert.ok((jobs.faultsOf('mail.send', args)?.length ?? 0) > 0);
    }
    await assert.rejects(jobs.enqueue('mail.send', { to: 1 }), /^TypeError: mail\.send: .*to/);
    await assert.rejects(jobs.enqueue('mail.sent', { to: 'a' }), TypeError);
    assert.deepEqual(jobs.faultsOf('mail.send', { to: 'a' }), []);
    assert.equal(jobs.faultsOf('mail.sent', { to: 'a' }), null);
    assert.equal(await queue.count({}, 10), 0);
  }));

test('options that make no sense are a TypeError, and nothing is kept', () =>
  withJobs(async ({ job, queue }) => {
    const bad: EnqueueOptions[] = [
      ...['', 'x'.repeat(201)].flatMap((key) => [{ key }, { unique: key }]),
      ...[-1, Number.NaN, Number.POSITIVE_INFINITY].map((delay) => ({ delay })),
      ...[-1, 0.5, 1001, Number.NaN].flatMap((count) => [{ priority: count }, { retries: count }]),
    ];
    for (const options of bad)
      await assert.rejects(job.enqueue({ to: 'a' }, options), TypeError, JSON.stringify(options));
    assert.equal(await queue.count({}, 10), 0);
    await job.enqueue({ to: 'a' }, { key: 'x'.repeat(200), unique: 'x', delay: 0, priority: 1000, retries: 1000 });
    assert.equal(await queue.count({}, 10), 1);
  }));

test('one id for one name and key, in every process and version', () =>
  withJobs(async ({ jobs, job, queue }) => {
    assert.equal(jobs.idOf('mail.send', 'welcome:1'), EXPECTED);
    assert.equal(await job.enqueue({ to: 'a' }, { key: 'welcome:1' }), EXPECTED);
    assert.equal(await job.enqueue({ to: 'b' }, { key: 'welcome:1' }), EXPECTED);
    assert.deepEqual((await queue.find(EXPECTED))?.args, { to: 'a' }, 'the first is the one');
    const others = [
      ['mail.send', 'welcome:2'],
      ['mail.send', 'Welcome:1'],
      ['mail.send', 'welcome:1 '],
      ['mail.sent', 'welcome:1'],
      ['mail', 'send\nwelcome:1'],
    ] as const;
    const ids = others.map(([name, key]) => jobs.idOf(name, key));
    assert.equal(new Set([EXPECTED, ...ids]).size, others.length + 1);
    for (const id of ids) assert.match(id, UUIDV8);
  }));

test('a name is registered once', () =>
  withJobs(async ({ jobs }) => {
    assert.throws(() => jobs.register(mail()), TypeError);
    assert.deepEqual(jobs.names(), ['mail.send']);
  }));
