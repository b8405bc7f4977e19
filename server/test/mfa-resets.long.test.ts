import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { after, DAY } from '../src/platform/clock.ts';
import { openTestApp, type TestApp } from './app.ts';
import { testDatabases } from './databases.ts';
import { makeEvent, makeFactors, makeTotp, makeUser } from './fixtures.ts';
import { ostiary, serverEnv, withServers } from './kill/server-process.ts';

const PEOPLE = 12;
/** Where each process is killed: right after its so-manieth write of a kind. The last one is not. */
const KILLS = ['sessions 1', 'sessions 3', 'factors 1', 'sessions 1', 'factors 2', 'sessions 2', 'none 0'];
const FLAGS = ['--disable-warning=ExperimentalWarning'];
const WORKER = join(import.meta.dirname, 'kill/reset-worker.ts');

/** People with a factor whose reset is due. */
async function insertPeople({ app: { storage } }: Pick<TestApp, 'app'>, due: Date) {
  const people = [];
  for (let i = 0; i < PEOPLE; i++) {
    const user = makeUser({ status: 'active', credentialEpoch: 0 });
    await storage.users.insert(user, makeEvent(`user:${user.id}`, { pending: false }));
    const begun = makeFactors({ userId: user.id, credentialEpoch: 0 });
    await storage.factors.begin(begun);
    const about = { pending: false, userId: user.id };
    await storage.factors.enableTotp(begun, makeTotp(), {}, makeEvent(`factors:${user.id}`, about));
    const at = { ...begun, version: 1 };
    await storage.factors.setReset(at, due, makeEvent(`factors:${user.id}`, about));
    people.push(user);
  }
  return people;
}

for (const { name, freshUrl } of testDatabases()) {
  test(`resets whose process is killed half-way: no factor goes before the sessions, each goes once (${name})`, {
    timeout: 600_000,
  }, async () => {
    const { url, drop } = await freshUrl();
    try {
      await withServers(async (dir) => {
        const t = await openTestApp({ databaseUrl: url, dataDir: dir });
        try {
          const { storage } = t.app;
          const people = await insertPeople(t, after(new Date(), -DAY));
          /** Answers how many are done. */
          async function check(): Promise<number> {
            let done = 0;
            for (const { id, sessionEpoch } of people) {
              // In this order: what is written between the two readings only ends more sessions.
              const record = await storage.factors.find(id);
              const ended = ((await storage.users.find(id))?.sessionEpoch ?? 0) > sessionEpoch;
              if (record?.totp.length === 0) {
                assert.ok(ended, 'the factors are gone, but not the sessions');
                done += 1;
              }
            }
            return done;
          }

          const done: number[] = [];
          for (const kill of KILLS) {
            const env = { ...serverEnv(dir, url), PATH: process.env.PATH ?? '', LOG_LEVEL: 'silent' };
            const child = spawn(process.execPath, [...FLAGS, WORKER, ...kill.split(' ')], { env, cwd: dir });
            const [, signal] = await once(child, 'exit');
            assert.equal(signal, kill === 'none 0' ? null : 'SIGKILL');
            done.push(await check());
          }
          assert.deepEqual(done, [0, 2, 3, 3, 5, 6, PEOPLE]);
          for (const { id } of people) {
            const types = (await storage.events.listForTarget(`factors:${id}`)).map(({ type }) => type);
            assert.equal(types.filter((type) => type === 'factors.reset').length, 1);
          }
          const [first = assert.fail()] = people;
          const env = serverEnv(dir, url);
          const again = await ostiary(['user', 'reset-factors', first.email ?? ''], { env, dir });
          assert.equal(again.code, 1);
          assert.match(again.stderr, /no second factor/);
        } finally {
          await t.close();
        }
      });
    } finally {
      await drop();
    }
  });
}
