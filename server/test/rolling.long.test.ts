import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FreshDatabase, testDatabases } from './databases.ts';
import { type Balancer, startBalancer } from './kill/balancer.ts';
import { createHttpClient } from './kill/http-client.ts';
import { openBeside, type SignedInClient, signInClients } from './kill/people.ts';
import { type ServerProcess, type StartServer, serverEnv, withServers } from './kill/server-process.ts';
import { isAlive, logged, until, workersOf } from './kill/workers.ts';

const RESTARTS = 20;
const PEOPLE = 4;
const SESSIONS = 4;
/** Between two requests of one client, so that the machine has time for starting, too. Milliseconds, at most. */
const THINKING = 20;
/** Longer than the balancer takes to notice that a server is not ready. */
const SHUTDOWN_DELAY = '500ms';
const TEST_LIMIT = 900_000;

const [database] = testDatabases().filter(({ name }) => name !== 'sqlite');

interface Load {
  answered(): number;
  /** Every request that got no answer or another than it should. */
  failed: string[];
  stop(): Promise<void>;
}

/** Clients that keep their connections, read who they are and refresh, and try nothing twice. */
function startLoad(port: number, people: SignedInClient[]): Load {
  const failed: string[] = [];
  let answered = 0;
  let isOver = false;

  async function work(person: SignedInClient): Promise<void> {
    const http = createHttpClient(port);
    const call = async (what: string, ...given: Parameters<typeof http.send>) => {
      try {
        const { status, body } = await http.send(...given);
        if (status === 200) {
          answered += 1;
          return body;
        }
        failed.push(`${what}: ${status} ${JSON.stringify(body)}`);
      } catch (error) {
        failed.push(`${what}: ${error}`);
      }
      return null;
    };
    for (let round = 0; !isOver; round += 1) {
      await call('read', 'GET', '/users/me', { token: person.accessToken });
      if (round % 5 === 0) {
        const body = { refreshToken: person.refreshToken };
        const tokens = await call('refresh', 'POST', '/auth/refresh', { body });
        if (tokens) {
          person.refreshToken = String(tokens.refreshToken);
          person.accessToken = String(tokens.accessToken);
        }
      }
      await sleep(Math.random() * THINKING);
    }
    http.close();
  }
  const working = Promise.all(people.map(work));
  return {
    answered: () => answered,
    failed,
    async stop() {
      isOver = true;
      await working;
    },
  };
}

type Place = FreshDatabase & { dir: string; start: StartServer; people: SignedInClient[] };

async function withPeople(run: (place: Place) => Promise<void>): Promise<void> {
  assert.ok(database);
  const fresh = await database.emptyUrl();
  try {
    await withServers(async (dir, start) => {
      const before = await openBeside(fresh.url, dir);
      const people = await signInClients(before, { people: PEOPLE, sessions: SESSIONS });
      await before.close();
      await run({ ...fresh, dir, start, people });
    });
  } finally {
    await fresh.drop();
  }
}

/** Restarts again and again under load; each time some requests come in between. */
async function restartUnderLoad(t: TestContext, load: Load, restart: (round: number) => Promise<void>): Promise<void> {
  const took: number[] = [];
  for (let round = 0; round < RESTARTS && load.failed.length === 0; round += 1) {
    const before = load.answered();
    const began = performance.now();
    await restart(round);
    took.push(performance.now() - began);
    await until(() => load.answered() > before + PEOPLE * SESSIONS || load.failed.length > 0);
  }
  await load.stop();
  t.diagnostic(
    `${load.answered()} requests answered in ${took.length} restarts of ${Math.round(Math.max(...took))} ms at most`,
  );
  assert.deepEqual(load.failed, []);
}

describe(`${RESTARTS} rolling restarts under load fail no request`, {
  timeout: TEST_LIMIT,
  skip: database === undefined && 'no database here takes several processes',
}, () => {
  test('of the workers of one server, by SIGHUP', (t) =>
    withPeople(async ({ url, dir, start, people }) => {
      const server = await start({ env: serverEnv(dir, url, { WORKERS: '2' }), dir });
      await until(() => workersOf(server).length === 2);
      const load = startLoad(server.port, people);
      await restartUnderLoad(t, load, async (round) => {
        server.signal('SIGHUP');
        await until(() => logged(server, /^rolling restart: done/) === round + 1);
      });
      assert.equal(workersOf(server).length, 2 * (RESTARTS + 1));
      assert.equal(workersOf(server).filter(isAlive).length, 2);
      assert.equal(logged(server, /ended unexpectedly|ended with an error/), 0);
      assert.equal((await server.end('SIGTERM')).code, 0);
    }));

  test('of two servers behind a balancer that looks at /ready, by SIGTERM', (t) =>
    withPeople(async ({ url, dir, start, people }) => {
      const launch = (port: number) => start({ env: serverEnv(dir, url, { PORT: String(port), SHUTDOWN_DELAY }), dir });
      const servers = [await launch(0), await launch(0)];
      const balancer = await startBalancer(servers.map(({ port }) => port));
      try {
        await until(() => servers.every(({ port }) => balancer.isReady(port)));
        const load = startLoad(balancer.port, people);
        await restartUnderLoad(t, load, (round) => replace(servers, round % servers.length, launch, balancer));
        for (const server of servers) assert.equal((await server.end('SIGTERM')).code, 0);
      } finally {
        await balancer.close();
      }
    }));
});

/** Ends one of the servers and starts another in its place. */
async function replace(
  servers: ServerProcess[],
  at: number,
  launch: (port: number) => Promise<ServerProcess>,
  balancer: Balancer,
) {
  const old = servers[at];
  assert.ok(old);
  assert.equal((await old.end('SIGTERM')).code, 0);
  servers[at] = await launch(old.port);
  await until(() => balancer.isReady(old.port));
}
