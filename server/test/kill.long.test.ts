import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMailbox } from '../src/platform/mail/mailbox.ts';
import type { TestApp } from './app.ts';
import { codeIn, createClient, ok, type SignedInBody } from './client.ts';
import { type FreshDatabase, testDatabases } from './databases.ts';
import { createRandom } from './fuzz/random.ts';
import { createHttpClient } from './kill/http-client.ts';
import { openBeside, signInClients } from './kill/people.ts';
import { createRotatingClient, type RotatingClient } from './kill/rotating-client.ts';
import { type ServerProcess, serverEnv, withServers } from './kill/server-process.ts';

const KILLS = 30;
const PEOPLE = 10;
const SESSIONS = 10;
/** Up to how many rotations, beyond one of each client, come between a start and the next kill. */
const ROTATIONS = 200;
/** Registrations at a time, and up to how many are answered between a start and the next kill, beyond those that are under way then. */
const NEWCOMERS = 12;
const REGISTRATIONS = 12;
/** The mailbox keeps no more. */
const MAILS = 500;
/** The lease of a relay that was killed (15 s) and what comes after it; milliseconds. */
const DELIVERY_LIMIT = 60_000;
const TEST_LIMIT = 600_000;

/** Kills the server so many times, each time after `work` has got somewhere, and starts it again on the same port. */
async function killAgainAndAgain(
  first: ServerProcess,
  start: (port: number) => Promise<ServerProcess>,
  work: (round: number) => Promise<void>,
): Promise<ServerProcess> {
  let server = first;
  for (let round = 0; round < KILLS; round++) {
    await work(round);
    assert.equal((await server.end('SIGKILL')).signal, 'SIGKILL');
    server = await start(first.port);
  }
  return server;
}

interface Place {
  url: string;
  dir: string;
  /** Starts the server on this port (0: a free one). */
  start(port: number): Promise<ServerProcess>;
}

async function onDatabase(emptyUrl: () => Promise<FreshDatabase>, run: (place: Place) => Promise<void>) {
  const { url, drop } = await emptyUrl();
  try {
    await withServers((dir, startServer) => {
      const start = (port: number) => startServer({ env: serverEnv(dir, url, { PORT: String(port) }), dir });
      return run({ url, dir, start });
    });
  } finally {
    await drop();
  }
}

for (const { name, emptyUrl } of testDatabases()) {
  describe(`a server that is killed ${KILLS} times, on ${name}`, { timeout: TEST_LIMIT }, () => {
    test('loses no session of 100 clients that rotate meanwhile, and leaves no two live successors', (t) =>
      onDatabase(emptyUrl, async ({ url, dir, start }) => {
        const before = await openBeside(url, dir);
        const signedIn = await signInClients(before, { people: PEOPLE, sessions: SESSIONS });
        await before.close();

        const first = await start(0);
        const clients = signedIn.map((who, index) => createRotatingClient(first.port, who, index));
        const random = createRandom(1, -1);
        const stop = new AbortController();
        const running = Promise.all(clients.map((client) => client.run(stop.signal)));
        const rotations = () => clients.reduce((sum, client) => sum + client.rotations(), 0);
        /** Until each client has rotated again, and some more. */
        const rotateOn = async () => {
          const earlier = clients.map((client) => client.rotations());
          const goal = rotations() + clients.length + random.int(ROTATIONS);
          const isDone = () =>
            rotations() >= goal && clients.every((client, index) => client.rotations() > (earlier[index] ?? 0));
          while (!isDone() && clients.every(({ faults }) => faults.length === 0)) await sleep(5);
        };
        const last = await killAgainAndAgain(first, start, rotateOn);
        await rotateOn();
        stop.abort();
        await running;
        t.diagnostic(`${name}: ${rotations()} rotations by ${clients.length} clients`);

        assert.deepEqual(
          clients.flatMap(({ faults }) => faults),
          [],
          'honest clients were refused',
        );
        const forked = clients.flatMap(({ successors }) => [...successors.values()]).filter(({ size }) => size > 1);
        assert.deepEqual(forked, [], 'tokens with several successors');
        assert.ok(
          clients.every((client) => client.rotations() >= KILLS),
          'every client rotated again after each kill',
        );
        assert.equal((await last.end('SIGTERM')).code, 0);

        const beside = await openBeside(url, dir);
        try {
          await checkEvents(beside, clients);
          await checkChains(beside, clients);
        } finally {
          await beside.close();
        }
      }));

    test('delivers every mail that it promised, once', (t) =>
      onDatabase(emptyUrl, async ({ url, dir, start }) => {
        const mailbox = createMailbox({ dir: join(dir, 'mailbox'), clock: () => new Date() });
        const first = await start(0);
        const random = createRandom(2, -1);
        const promised = new Map<string, string>();
        const faults: string[] = [];
        let behind = 0;

        /** Registers until the server is gone or enough was promised; an answer that is lost promises nothing. */
        const newcomer = async (round: number, index: number, enough: () => boolean) => {
          const http = createHttpClient(first.port);
          for (let i = 0; !enough() && faults.length === 0; i++) {
            const email = `newcomer-${round}-${index}-${i}@example.com`;
            const body = { email, password: 'walks the dog at seven' };
            const reply = await http.send('POST', '/auth/register', { body }).catch(() => null);
            if (reply === null) break;
            if (reply.status === 503) continue;
            if (reply.status === 202) promised.set(email, String(reply.body.registrationId));
            else faults.push(`${reply.status} ${JSON.stringify(reply.body)}`);
          }
          http.close();
        };
        let underWay: Promise<unknown> = Promise.resolve();
        const last = await killAgainAndAgain(first, start, async (round) => {
          await underWay;
          behind += await missing(mailbox, promised).then(({ length }) => length);
          const goal = promised.size + 1 + random.int(REGISTRATIONS);
          // They go on while the server is killed.
          const most = goal + NEWCOMERS;
          underWay = Promise.all(
            Array.from({ length: NEWCOMERS }, (_, index) => newcomer(round, index, () => promised.size >= most)),
          );
          while (promised.size < goal && faults.length === 0) await sleep(2);
        });
        await underWay;
        assert.deepEqual(faults, [], 'registrations that were refused');
        assert.ok(promised.size < MAILS, `${promised.size} mails: too many for this test`);
        t.diagnostic(`${name}: ${promised.size} mails promised; ${behind} times one was still owed after a restart`);

        const end = performance.now() + DELIVERY_LIMIT;
        while ((await missing(mailbox, promised)).length > 0 && performance.now() < end) await sleep(100);
        assert.deepEqual(await missing(mailbox, promised), [], 'promised and never sent');
        assert.equal((await last.end('SIGTERM')).code, 0);

        const beside = await openBeside(url, dir);
        try {
          await beside.work();
          const counts = new Map<string, number>();
          for (const { to } of await mailbox.list()) counts.set(to, (counts.get(to) ?? 0) + 1);
          assert.deepEqual(
            [...counts].filter(([, times]) => times > 1),
            [],
            'sent more than once',
          );
          await checkCodes(beside, [...promised].slice(-5));
        } finally {
          await beside.close();
        }
      }));
  });
}

/** Each session began once, and each of its rotations happened once. */
async function checkEvents({ app }: TestApp, clients: RotatingClient[]): Promise<void> {
  await app.relay.deliverDue();
  for (const client of clients) {
    const events = await app.storage.events.listForTarget(`session:${client.sessionId}`);
    const count = (type: string) => events.filter((event) => event.type === type).length;
    assert.equal(count('session.started'), 1);
    assert.equal(count('session.refreshed'), client.rotations());
    assert.equal(new Set(events.map(({ seq }) => seq)).size, events.length);
    assert.equal((await app.storage.sessions.find(client.sessionId))?.generation, client.rotations());
  }
  const [first] = clients;
  assert.ok(first);
  const history = await app.storage.events.list({ userId: first.userId }, { before: null, limit: 1000 });
  assert.equal(history.filter(({ type }) => type === 'session.started').length, SESSIONS);
}

/** Of each chain the last token rotates; any older one is refused, and ends the session of whoever holds the last. */
async function checkChains(t: TestApp, clients: RotatingClient[]): Promise<void> {
  const api = createClient(t);
  const refresh = (refreshToken: string) => api.send('POST', '/auth/refresh', { body: { refreshToken } });
  for (const [index, { tokens }] of clients.entries()) {
    const next = ok<SignedInBody>(await refresh(tokens.at(-1) ?? ''), 200).refreshToken;
    assert.ok(!tokens.includes(next));
    const older = tokens.slice(0, -1);
    ok(await refresh(older[index % older.length] ?? ''), 401);
    ok(await refresh(next), 401);
  }
}

/** The addresses that were promised a mail and have none. */
async function missing(mailbox: ReturnType<typeof createMailbox>, promised: Map<string, string>): Promise<string[]> {
  const got = new Set((await mailbox.list()).map(({ to }) => to));
  return [...promised.keys()].filter((email) => !got.has(email));
}

/** What was mailed opens the account. */
async function checkCodes(t: TestApp, promised: [email: string, registrationId: string][]): Promise<void> {
  const api = createClient(t);
  for (const [email, registrationId] of promised) {
    const code = codeIn((await t.mailsTo(email))[0]?.text);
    ok(await api.send('POST', '/auth/verify-email', { body: { registrationId, code } }), 200);
  }
}
