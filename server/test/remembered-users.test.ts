import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import { connectDatabase } from '../src/platform/database/database.ts';
import { openTestApp, standingClock, type TestApp } from './app.ts';
import { createClient, ok, type SignedInBody } from './client.ts';
import { PATIENCE, testDatabases } from './databases.ts';
import { createRandom } from './fuzz/random.ts';
import { createWorld, type World } from './matrix/world.ts';
import { somebody } from './scenario.ts';
import { until } from './until.ts';
import { withWatchedScene } from './watched-app.ts';

/** Milliseconds by which an instance that did not write may be behind (decision 43). */
const BEHIND = 100;
/** Fewer where nothing is remembered, and where each step waits. */
const STEPS = { sqlite: 150, postgres: 60, mysql: 15, mongodb: 15 };

interface Shown {
  fullName: string | null;
  roles: string[];
  lastLoginAt: string | null;
  version: number;
}

/** Three instances on one database, and somebody who is signed in. */
interface Scene {
  worlds: World[];
  person: ReturnType<typeof somebody>;
  signedIn: SignedInBody;
  databaseUrl: string;
  /** What an instance shows the person. */
  ask(index: number): Promise<Shown>;
}

async function withThree(
  freshUrl: (typeof databases)[number]['freshUrl'],
  run: (s: Scene) => Promise<void>,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'ostiary-remembered-'));
  const { url: databaseUrl, drop } = await freshUrl();
  const apps: TestApp[] = [];
  try {
    const time = standingClock();
    for (let i = 0; i < 3; i++) apps.push(await openTestApp({ databaseUrl, dataDir, time }));
    const worlds = await Promise.all(apps.map((t) => createWorld({ ...t, client: createClient(t), databaseUrl })));
    const [first = assert.fail()] = worlds;
    const person = somebody();
    const signedIn = await first.client.register(person);
    const ask = async (index: number) => {
      const { client } = worlds[index] ?? assert.fail();
      return ok<Shown>(await client.send('GET', '/users/me', { token: signedIn.accessToken }), 200);
    };
    await run({ worlds, person, signedIn, databaseUrl, ask });
  } finally {
    for (const t of apps.reverse()) await t.close();
    await drop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

const databases = testDatabases();

for (const { name, freshUrl } of databases) {
  describe(`what people see of their accounts, on three instances (${name})`, () => {
    test('random changes anywhere: the writer never shows anything old, the others nothing older than a tenth of a second', (t) =>
      withThree(freshUrl, async ({ worlds, person, signedIn, ask }) => {
        const random = createRandom(13, 0);
        const userId = signedIn.user.id;
        const demand = (shown: Shown, wanted: Partial<Shown>, who: string) => {
          for (const [field, value] of Object.entries(wanted)) {
            assert.deepEqual(shown[field as keyof Shown], value, `${field} at ${who}`);
          }
        };
        let behind = 0;
        for (let step = 0; step < STEPS[name]; step++) {
          const writer = random.int(3);
          // Its own administrator: of those of the others it may learn a second later.
          const { client, time, root } = worlds[writer] ?? assert.fail();
          // All have remembered what was so before.
          await Promise.all([0, 1, 2].map(ask));
          let wanted: Partial<Shown>;
          const kind = random.int(4);
          if (kind === 0) {
            wanted = { fullName: `Name ${step}` };
            ok(await client.send('PATCH', '/users/me', { token: signedIn.accessToken, body: wanted }), 200);
          } else if (kind === 1) {
            wanted = { fullName: `Given ${step}` };
            ok(await client.send('PATCH', `/admin/users/${userId}`, { token: root, body: wanted }), 200);
          } else if (kind === 2) {
            wanted = { roles: random.chance(0.5) ? ['user'] : ['guest'] };
            ok(await client.send('PUT', `/admin/users/${userId}/roles`, { token: root, body: wanted }), 200);
          } else {
            time.forward(1000);
            ok(
              await client.send('POST', '/auth/login', { body: { login: person.email, password: person.password } }),
              200,
            );
            wanted = { lastLoginAt: time.now.toISOString() };
            // It is noted after the answer.
            await until('the sign-in is noted', async () => {
              const user = await worlds[writer]?.app.storage.users.find(userId);
              return user?.lastLoginAt?.getTime() === time.now.getTime();
            });
            await pause(BEHIND + 1);
          }
          const written = performance.now();
          demand(await ask(writer), wanted, 'the writer');
          const other = (writer + 1) % 3;
          if (name === 'sqlite') {
            demand(await ask(other), wanted, 'another, at once');
            continue;
          }
          const early = await ask(other);
          if (!Object.entries(wanted).every(([field, value]) => String(early[field as keyof Shown]) === String(value)))
            behind += 1;
          await pause(Math.max(0, written + BEHIND + 1 - performance.now()));
          for (const index of [0, 1, 2]) demand(await ask(index), wanted, `instance ${index}, ${BEHIND} ms later`);
        }
        t.diagnostic(`${behind} of ${STEPS[name]} changes were not seen at once by another instance`);
      }));

    test('a crowd that reads while one writes never sees a name come back', () =>
      withThree(freshUrl, async ({ worlds, signedIn, ask }) => {
        const { client } = worlds[0] ?? assert.fail();
        let isOver = false;
        const seen = [0, 1, 2].map(async (index) => {
          let version = 0;
          while (!isOver) {
            const shown = await ask(index);
            // Others have a turn, too.
            await pause(1);
            assert.ok(shown.version >= version, `version ${shown.version} after ${version} at ${index}`);
            version = shown.version;
          }
        });
        for (let i = 0; i < 60; i++) {
          ok(
            await client.send('PATCH', '/users/me', { token: signedIn.accessToken, body: { fullName: `N ${i}` } }),
            200,
          );
        }
        isOver = true;
        await Promise.all(seen);
      }));

    if (name === 'sqlite' || name === 'postgres') {
      test('what another program writes is seen, also when the connection that listens was lost', () =>
        withThree(freshUrl, async ({ signedIn, databaseUrl, ask }) => {
          const url = databaseUrl;
          const beside = await connectDatabase({
            url,
            poolSize: 1,
            slowQuery: 60_000,
            log: { warn() {} },
            patience: PATIENCE,
          });
          assert.ok(beside.kind === 'sql');
          const rename = (to: string) =>
            sql`update users set full_name = ${to} where id = ${signedIn.user.id}`.execute(beside.db);
          for (let i = 0; i < 5; i++) {
            await ask(0);
            await rename(`Outside ${i}`);
            await pause(BEHIND + 1);
            assert.equal((await ask(0)).fullName, `Outside ${i}`);
            if (name === 'postgres') {
              await sql`select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and query in ('select 1', 'listen "ostiary_users"')`.execute(
                beside.db,
              );
              await rename(`Unheard ${i}`);
              await pause(BEHIND + 1);
              assert.equal((await ask(0)).fullName, `Unheard ${i}`);
            }
          }
          await beside.close();
        }));
    }
  });
}

for (const { name, freshUrl } of databases.filter((each) => each.name === 'sqlite' || each.name === 'postgres')) {
  test(`asking again reads nothing, and its answer is the same to the byte (${name})`, () =>
    withWatchedScene(
      async (s) => {
        const { accessToken: token } = await s.client.register(somebody());
        const ask = () => s.client.send('GET', '/users/me', { token });
        await until('what is remembered holds', async () => {
          const before = s.log.length;
          await ask();
          await pause(20);
          return !s.log.slice(before).some((line) => line.includes('"msg":"slow query"'));
        });
        // The sign-in, which is shown, is noted after its answer.
        const first = await ask();
        const before = s.log.length;
        for (let i = 0; i < 20; i++) {
          const again = await ask();
          assert.equal(again.body, first.body);
          assert.deepEqual(
            { ...again.headers, date: '', 'x-request-id': '' },
            { ...first.headers, date: '', 'x-request-id': '' },
          );
        }
        const queries = s.log
          .slice(before)
          .filter((line) => line.includes('"msg":"slow query"') && line.includes('users'));
        assert.deepEqual(queries, []);
      },
      { freshUrl },
    ));
}
