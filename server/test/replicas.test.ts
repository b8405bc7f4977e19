import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { MOST_LAG } from '../src/modules/replicas/replicas.ts';
import { SECOND } from '../src/platform/clock.ts';
import { type AdminUser, admin, holder, type List, withWorld } from './administration.ts';
import { ok } from './client.ts';
import type { Member, World } from './matrix/world.ts';
import { eventually, execute, launchReplicated, REPLICATED, type Replication } from './replicated.ts';
import { refused, somebody } from './scenario.ts';

const READ_ALL = ['GET:/api/v1/admin/*'];
const READERS = 6;

interface Scenario {
  w: World;
  /** An administrator who changes nothing. */
  reader: Member;
  replicaUrl: string;
  /** Brings the replica near, and lets the server see it. */
  catchUp(): Promise<void>;
  /** Lets time pass, and the server look. */
  wait(milliseconds: number): Promise<void>;
  ready(): Promise<{ status: string; checks?: Record<string, string> }>;
}

for (const kind of REPLICATED) {
  describe(`replicas of ${kind}`, () => {
    let replication: Replication | null = null;
    before(async () => {
      replication = await launchReplicated(kind);
    });
    after(() => replication?.stop());

    /** A server over a database and its replica. */
    async function withReplica(t: TestContext, run: (s: Scenario, replication: Replication) => Promise<void>) {
      if (!replication) return t.diagnostic('NOT RUN: the programs of a server to replicate were not found');
      const servers = replication;
      const { url, replicaUrl, drop } = await servers.fresh();
      const env = { DATABASE_REPLICA_URLS: replicaUrl };
      const play = async (w: World) => {
        const wait = async (milliseconds: number) => {
          w.time.forward(milliseconds);
          await w.app.pollReplicas();
        };
        const catchUp = async () => {
          await wait(1);
          await servers.caughtUp(w.time.now, { primary: url, replica: replicaUrl });
          await w.app.pollReplicas();
        };
        const reader = await holder(w, READ_ALL);
        const ready = async () => (await w.app.http.inject('/ready')).json();
        await run({ w, reader, replicaUrl, catchUp, wait, ready }, servers);
      };
      try {
        await withWorld(play, { freshUrl: async () => ({ url, drop }), env });
      } finally {
        await servers.resume().catch(() => {});
      }
    }

    async function newUser({ w }: Scenario): Promise<string> {
      const { email } = somebody();
      return ok<AdminUser>(await admin(w, 'POST', '/users', { email }), 201).id;
    }

    async function lists({ w, reader }: Scenario, userId: string, token = reader.token): Promise<boolean[]> {
      const paths = ['/users?pageSize=100', '/users?pageSize=100&cursor=', '/roles/{user}/users?pageSize=100'];
      const { items: roles } = ok<List<{ id: string; code: string }>>(
        await admin(w, 'GET', '/roles', undefined, token),
        200,
      );
      const roleId = roles.find(({ code }) => code === 'user')?.id ?? '';
      const seen: boolean[] = [];
      for (const path of paths) {
        const page = ok<List<AdminUser>>(await admin(w, 'GET', path.replace('{user}', roleId), undefined, token), 200);
        seen.push(page.items.some(({ id }) => id === userId));
      }
      for (const path of [`/events?target=user:${userId}`, `/users/${userId}/events`]) {
        const { items, total } = ok<List<unknown>>(await admin(w, 'GET', path, undefined, token), 200);
        assert.equal(items.length, total);
        seen.push(items.length > 0);
      }
      return seen;
    }
    const ALL = [true, true, true, true, true];
    const NONE = ALL.map(() => false);

    test('lists and histories come from the replica, everything else and what one did oneself from the primary', (t) =>
      withReplica(t, async (s, { pause, resume }) => {
        const { w, reader } = s;
        await s.catchUp();
        assert.deepEqual(await s.ready(), { status: 'ready' });
        await pause();
        const userId = await newUser(s);
        w.time.forward(1);

        assert.deepEqual(await lists(s, userId), NONE, 'the replica does not know them yet');
        assert.deepEqual(await lists(s, userId, w.root), ALL, 'who made them sees them');
        ok(await admin(w, 'GET', `/users/${userId}`, undefined, reader.token), 200);
        const own = async () =>
          ok<List<{ type: string }>>(await w.client.send('GET', '/users/me/events', { token: reader.token }), 200)
            .total;
        const before = await own();
        await w.client.login(reader);
        assert.equal(await own(), before + 1, 'a sign-in is one’s own doing');

        await w.app.pollReplicas();
        w.time.forward(MOST_LAG + 1);
        assert.deepEqual(await lists(s, userId), ALL, 'nobody is shown what is that old');
        assert.equal((await w.app.http.inject('/ready')).statusCode, 200);
        for (let looks = 0; looks < 7; looks++) await s.wait(2 * SECOND);
        assert.deepEqual(await s.ready(), { status: 'degraded', checks: { database: 'up', replicas: 'down' } });

        await resume();
        await s.catchUp();
        assert.deepEqual(await s.ready(), { status: 'ready' });
        await pause();
        const next = await newUser(s);
        assert.deepEqual(await lists(s, next), NONE, 'it is in use again');
        assert.deepEqual(await lists(s, userId), ALL);

        ok(await admin(w, 'POST', `/users/${reader.userId}/deactivate`), 200);
        refused(await admin(w, 'GET', '/users', undefined, reader.token), 401, 'unauthenticated');
      }));

    /** Lists without end, by several at a time, while `work` goes on; how many were read. */
    async function underLoad(
      { w, reader }: Scenario,
      work: (enough: () => Promise<void>) => Promise<void>,
    ): Promise<number> {
      let answers = 0;
      let done = false;
      const failures: unknown[] = [];
      const paths = ['/users?sort=email', '/events', '/users?q=person', `/users/${reader.userId}/events`];
      const loops = Array.from({ length: READERS }, async (_, i) => {
        while (!done) {
          const answer = await admin(w, 'GET', paths[(answers + i) % paths.length] ?? '', undefined, reader.token);
          answers += 1;
          if (answer.statusCode !== 200) failures.push(answer.json());
        }
      });
      const enough = async () => {
        const goal = answers + 60;
        await eventually('lists are answered', async () => answers >= goal);
      };
      try {
        await enough();
        await work(enough);
        await enough();
      } finally {
        done = true;
        await Promise.all(loops);
      }
      assert.deepEqual(failures, []);
      return answers;
    }

    const killing = (t: TestContext) =>
      withReplica(t, async (s, { kill, restart, pause }) => {
        assert.ok(kill);
        await s.catchUp();
        const answers = await underLoad(s, async (enough) => {
          await kill();
          await enough();
          await s.wait(1);
        });
        t.diagnostic(`${answers} lists, none failed`);
        assert.deepEqual(await s.ready(), { status: 'degraded', checks: { database: 'up', replicas: 'down' } });
        if (!restart) return;
        await underLoad(s, restart);
        await s.catchUp();
        assert.deepEqual(await s.ready(), { status: 'ready' });
        await pause();
        const userId = await newUser(s);
        assert.deepEqual(await lists(s, userId), NONE, 'it is in use again');
      });

    if (kind === 'postgres') {
      test('what the replay of the replica cancels is given up at once, for the primary to answer', (t) =>
        withReplica(t, async ({ w, replicaUrl, catchUp }) => {
          await execute(replicaUrl, "alter system set max_standby_streaming_delay = '0'");
          await execute(replicaUrl, 'select pg_reload_conf()');
          await catchUp();
          const reading = execute(replicaUrl, 'select pg_sleep(4), count(*) as sleeper from users', { replica: true });
          const refusal = assert.rejects(reading, { code: 'unavailable' });
          await eventually('the query runs', async () => {
            const [row] = await execute(
              replicaUrl,
              "select count(*) as n from pg_stat_activity where wait_event = 'PgSleep'",
            );
            return row?.n === 1;
          });
          await execute(w.databaseUrl, 'alter table users alter column phone set default null');
          await refusal;
          const [row] = await execute(
            replicaUrl,
            'select confl_lock as n from pg_stat_database_conflicts where datname = current_database()',
          );
          assert.equal(row?.n, 1, 'and was not tried again');
          await execute(replicaUrl, 'alter system reset max_standby_streaming_delay');
        }));
    }

    // The last one, for MariaDB's replica is gone with it. What replicates by hand has no server to kill.
    if (kind !== 'mongodb') test('a replica that dies under load costs not one answer', killing);
  });
}
