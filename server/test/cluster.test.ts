import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testDatabases } from './databases.ts';
import { createHttpClient, type HttpClient } from './kill/http-client.ts';
import { launch, ostiary, type ServerProcess, serverEnv, setupLink, withServers } from './kill/server-process.ts';
import { isAlive, logged, logLines, until, workersOf } from './kill/workers.ts';
import { runFor, runningTime } from './running-time.ts';

const COUNT = 2;
/** Milliseconds of running time in which a worker that was killed has a successor; on a busy machine twice what the whole start took. */
const CRASH_TO_READY = 3_000;
const PATIENCE = 20_000;
/** How many connections it takes to see each worker: they are dealt out in turn. */
const CONNECTIONS = 8;
/** An answer that takes longer is none: milliseconds of running time. */
const ANSWER_LIMIT = 5_000;

// One of them will do: what is tested here is the same on all. SQLite takes no second process.
const [database] = testDatabases().filter(({ name }) => name !== 'sqlite');

/** Several processes on an empty database, when all of them take requests. */
async function withWorkers(
  run: (server: ServerProcess, startTook: number) => Promise<void>,
  more: Record<string, string> = {},
) {
  assert.ok(database);
  const { url, drop } = await database.emptyUrl();
  try {
    await withServers(async (dir, start) => {
      const env = serverEnv(dir, url, { WORKERS: String(COUNT), ...more });
      const began = runningTime();
      const server = await start({ env, dir });
      let workers: number[] = [];
      try {
        await until(() => workersOf(server).length === COUNT);
        workers = workersOf(server);
        await run(server, runningTime() - began);
      } finally {
        workers = [...workers, ...workersOf(server)];
        await server.end('SIGKILL');
        await until(() => !workers.some(isAlive), PATIENCE);
      }
    });
  } finally {
    await drop();
  }
}

/** Whether an answer comes soon. */
function answers(http: HttpClient): Promise<boolean> {
  const answer = http.send('GET', '/health/liveness').then(
    ({ status }) => status === 200,
    () => false,
  );
  const answered = new AbortController();
  return Promise.race([answer, runFor(ANSWER_LIMIT, false, answered.signal)]).finally(() => answered.abort());
}

/** Whether a new connection brings an answer soon. */
async function isTaken(port: number): Promise<boolean> {
  const http = createHttpClient(port);
  const isAnswered = await answers(http);
  http.close();
  return isAnswered;
}

describe('several processes', { skip: database === undefined && 'no database here takes several processes' }, () => {
  test('one migrates, one setup link, all answer; SIGTERM ends them all, with code 0', () =>
    withWorkers(
      async (server) => {
        const link = await setupLink(server, PATIENCE);
        assert.match(String(link), /setup#token=/);
        const answers = await Promise.all(
          Array.from({ length: CONNECTIONS }, () => fetch(`http://127.0.0.1:${server.port}/.well-known/jwks.json`)),
        );
        assert.ok(answers.every(({ status }) => status === 200));
        const workers = workersOf(server);
        const outcome = await server.end('SIGTERM');
        assert.deepEqual([outcome.code, outcome.signal, outcome.stderr], [0, null, '']);
        assert.equal(outcome.stdout.match(/^Setup: /gm)?.length, 1);
        assert.equal(outcome.stdout.match(/applied \d+ migrations/g)?.length, 1);
        assert.equal(outcome.stdout.match(/is not a variable of Ostiary/g)?.length, 1, 'each warning once');
        const answering = new Set(logLines(server).flatMap(({ msg, pid }) => (msg === 'request' ? [pid] : [])));
        assert.deepEqual(answering, new Set(workers), 'each had some of the connections');
        assert.ok(!workers.some(isAlive));
        assert.match(outcome.stdout, new RegExp(`"pid":${server.pid},"msg":"stopped"`));
      },
      { TRUST_PROXY: '10.0.0.1' },
    ));

  test('a worker that is killed is replaced in time, and no connection of the others fails', (t) =>
    withWorkers(async (server, startTook) => {
      const clients = Array.from({ length: CONNECTIONS }, () => createHttpClient(server.port));
      for (const client of clients) assert.equal((await client.send('GET', '/health/liveness')).status, 200);
      const [victim = 0] = workersOf(server);
      process.kill(victim, 'SIGKILL');
      const killed = runningTime();
      let isReplaced = false;
      /** Whether the connection fails meanwhile. Each for itself: one that hangs must not hold up the clock. */
      async function isBroken(client: HttpClient): Promise<boolean> {
        while (!isReplaced) {
          if (!(await answers(client))) return true;
          await sleep(10);
        }
        return false;
      }
      const known = Promise.all(clients.map(isBroken));
      const newcomers: Promise<boolean>[] = [];
      while (workersOf(server).length === COUNT) {
        newcomers.push(isTaken(server.port));
        await sleep(10);
      }
      isReplaced = true;
      const took = runningTime() - killed;
      t.diagnostic(`replaced after ${Math.round(took)} ms; both were up after ${Math.round(startTook)} ms`);
      assert.ok(took <= Math.max(CRASH_TO_READY, 2 * startTook), `${took} ms`);
      const broken = (await known).filter(Boolean).length;
      assert.ok(broken <= CONNECTIONS / COUNT, 'none but those of the one that was killed');
      const lost = (await Promise.all(newcomers)).filter((taken) => !taken);
      assert.ok(lost.length <= 1, 'the one that was being handed to it, at most');
      for (const client of clients) client.close();
      assert.equal(server.stdout().match(/^Setup: /gm)?.length, 1, 'the link that is known is not printed again');
      assert.equal((await server.end('SIGTERM')).code, 0);
    }));

  test('SIGHUP replaces each worker; one of those that gets SIGTERM is replaced, too', () =>
    withWorkers(async (server) => {
      const before = workersOf(server);
      // As when a terminal closes: to the workers it says nothing.
      for (const pid of before) process.kill(pid, 'SIGHUP');
      server.signal('SIGHUP');
      await until(() => logged(server, /rolling restart: done/) === 1);
      assert.equal(workersOf(server).length, 2 * COUNT);
      assert.ok(!before.some(isAlive));
      process.kill(workersOf(server).at(-1) ?? 0, 'SIGTERM');
      await until(() => workersOf(server).length === 2 * COUNT + 1);
      assert.equal((await server.end('SIGTERM')).code, 0);
    }));

  test('signals to all processes at once, as from a terminal, end them as one signal does', () =>
    withWorkers(async (server) => {
      for (const pid of workersOf(server)) process.kill(pid, 'SIGTERM');
      const { code, stderr, stdout } = await server.end('SIGTERM');
      assert.deepEqual([code, stderr], [0, '']);
      assert.equal(stdout.match(/listening on/g)?.length, COUNT, 'nobody was replaced');
    }));

  test('workers whose primary is killed answer what they have, and end', () =>
    withWorkers(
      async (server) => {
        const workers = workersOf(server);
        const http = createHttpClient(server.port);
        // Its connection has reached a worker.
        assert.equal((await http.send('GET', '/health/liveness')).status, 200);
        const login = { login: 'nobody@example.com', password: 'walks the dog at seven' };
        const pending = http.send('POST', '/auth/login', { body: login });
        await sleep(20);
        assert.equal((await server.end('SIGKILL')).signal, 'SIGKILL');
        assert.equal((await pending).status, 401);
        http.close();
        await until(() => !workers.some(isAlive), PATIENCE);
      },
      { ARGON2_PASSES: '40' },
    ));

  test('a worker whose primary is killed before it listens ends, too', async () => {
    assert.ok(database);
    const { url, drop } = await database.emptyUrl();
    try {
      await withServers(async (dir) => {
        const { hostname, port } = new URL(url);
        const env = (gate: Server) => {
          const { port } = gate.address() as AddressInfo;
          return serverEnv(dir, Object.assign(new URL(url), { host: `127.0.0.1:${port}` }).href, { WORKERS: '2' });
        };
        // The primary opens no database: who does is a worker that starts.
        const gate = createServer((near) => {
          primary.child.kill('SIGKILL');
          const far = connect(Number(port), hostname);
          for (const end of [near, far]) end.on('error', () => {});
          near.pipe(far).pipe(near);
        }).listen(0, '127.0.0.1');
        await once(gate, 'listening');
        const primary = launch(['serve'], { env: env(gate), dir });
        const ended = await Promise.race([primary.outcome, sleep(PATIENCE, null, { ref: false })]);
        for (const { pid } of logLines({ stdout: () => primary.said().stdout }))
          if (isAlive(pid)) process.kill(pid, 'SIGKILL');
        gate.close();
        assert.equal(ended?.signal, 'SIGKILL');
      });
    } finally {
      await drop();
    }
  });

  test('a start that fails says so once, with code 1', async () => {
    assert.ok(database);
    const { url, drop } = await database.emptyUrl();
    await drop();
    await withServers(async (dir) => {
      const { code, stderr, stdout } = await ostiary(['serve'], { env: serverEnv(dir, url, { WORKERS: '2' }), dir });
      assert.equal(code, 1);
      assert.match(stderr, /^[^\n]+\n$/);
      assert.doesNotMatch(stdout + stderr, /\n\s+at /);
    });
  });
});

test('a worker that nobody started says how it is done', () =>
  withServers(async (dir) => {
    const { code, stderr } = await ostiary(['serve-as-worker'], { env: serverEnv(dir, 'sqlite::memory:'), dir });
    assert.equal(code, 2);
    assert.match(stderr, /^Workers are started by: ostiary serve/);
  }));
