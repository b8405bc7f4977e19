import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openTestApp, standingClock, type TestApp } from './app.ts';
import { createClient, ok } from './client.ts';
import { type TestDatabase, testDatabases } from './databases.ts';
import { refused, somebody } from './scenario.ts';

const redis = process.env.TEST_REDIS_URL;
/** Jobs through the table of each database, and through Redis beside one of them. */
const CARRIERS: (TestDatabase & { carrier: string; env: Record<string, string> })[] = testDatabases().map(
  (database) => ({ ...database, carrier: database.name, env: {} }),
);
const [sqlite] = CARRIERS;
if (redis && sqlite) CARRIERS.push({ ...sqlite, carrier: 'redis', env: { REDIS_URL: redis } });

for (const { carrier, freshUrl, env } of CARRIERS) {
  /** A web and a worker process' worth of Ostiary over one database. */
  async function withRoles(run: (web: TestApp, worker: TestApp) => Promise<void>): Promise<void> {
    const { url: databaseUrl, drop } = await freshUrl();
    const dataDir = await mkdtemp(join(tmpdir(), 'ostiary-roles-'));
    const shared = { databaseUrl, dataDir, time: standingClock() };
    const web = await openTestApp({ ...shared, env: { ...env, ROLE: 'web' } });
    const worker = await openTestApp({ ...shared, env: { ...env, ROLE: 'worker' } });
    try {
      await run(web, worker);
    } finally {
      await worker.close();
      await web.close();
      await drop();
      await rm(dataDir, { recursive: true, force: true });
    }
  }

  test(`web answers and runs no job, a worker runs them and answers probes only (${carrier})`, () =>
    withRoles(async (web, worker) => {
      const person = somebody();
      ok(await createClient(web).send('POST', '/auth/register', { body: person }), 202);
      await web.app.relay.deliverDue();
      assert.equal((await worker.mailsTo(person.email)).length, 1);
      const { items, workers } = await statuses(web);
      assert.equal(workers, 1);
      assert.equal(items.find(({ name }) => name === 'mail.send')?.counts.completed, 1);
      assert.ok((await web.app.storage.schedules.list()).length > 0, 'the worker merges the schedules of the code');

      for (const path of ['/health', '/ready', '/api/v1/health/readiness']) {
        assert.equal((await worker.app.http.inject(path)).statusCode, 200, path);
      }
      const credentials = { login: person.email, password: person.password };
      refused(await createClient(worker).send('POST', '/auth/login', { body: credentials }), 404, 'not_found');
      assert.equal((await worker.app.http.inject('/setup')).statusCode, 404);
    }));

  test(`web alone keeps jobs until there is a worker (${carrier})`, () =>
    withRoles(async (web, worker) => {
      await worker.app.stop();
      const person = somebody();
      ok(await createClient(web).send('POST', '/auth/register', { body: person }), 202);
      await web.app.relay.deliverDue();
      const [job] = await web.app.queue.list({ name: 'mail.send', state: 'waiting' }, { skip: 0, limit: 1 });
      assert.ok(job, 'it waits');
      const next = await openTestApp({
        databaseUrl: web.config.database.url,
        dataDir: web.config.dataDir,
        time: web.time,
        env: { ...env, ROLE: 'worker' },
      });
      try {
        assert.equal((await next.mailsTo(person.email)).length, 1);
        assert.equal((await web.app.queue.find(job.id))?.state, 'completed');
      } finally {
        await next.close();
      }
    }));
}

async function statuses({ app }: TestApp) {
  const items = await Promise.all(app.jobs.names().map((name) => app.queue.status(name)));
  return { items, workers: (await app.storage.workers.list(new Date(0))).length };
}
