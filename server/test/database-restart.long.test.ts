import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMailbox } from '../src/platform/mail/mailbox.ts';
import { createHttpClient } from './kill/http-client.ts';
import { type OwnPostgres, openOwnPostgres } from './kill/own-postgres.ts';
import { openBeside, signInClients } from './kill/people.ts';
import { createRotatingClient } from './kill/rotating-client.ts';
import { serverEnv, withServers } from './kill/server-process.ts';
import { createWitness, type Witness } from './kill/witness.ts';

const ROUNDS = 3;
const PEOPLE = 5;
const SESSIONS = 3;
const PASSWORD = 'walks the dog at seven';
/** Milliseconds of work before each end, and without a database: longer than an instance trusts its memory. */
const WORK = 2_000;
const AWAY = 7_000;
/** Milliseconds within which everything is answered, and within which all is well once the database is back. */
const ANSWER = 1_000;
const HEALTHY = 5_000;
/** Milliseconds until a client that was told to come again does. */
const PAUSE = 10;
const DELIVERY_LIMIT = 60_000;

/** What the server has acknowledged, and so must keep. */
interface Promised {
  /** Addresses whose registration was taken. */
  registered: Set<string>;
  /** The last name that each person was told is theirs; what was asked later may hold as well. */
  names: Map<string, { kept: string; asked: string }>;
}

for (const [how, signal] of [
  ['restarted', 'SIGINT'],
  ['killed', 'SIGKILL'],
] as const) {
  describe(`PostgreSQL is ${how} ${ROUNDS} times under load`, { timeout: 300_000 }, () => {
    test('every answer is prompt and clean, all is well soon after, and nothing acknowledged is lost', async (t) => {
      const postgres = await openOwnPostgres();
      if (postgres === null) return t.skip('there is no PostgreSQL on this machine');
      try {
        await withServers(async (dir, startServer) => {
          const { port } = await startServer({ env: serverEnv(dir, postgres.url), dir });
          await work(t, { postgres, signal, dir, port });
        });
      } finally {
        await postgres.remove();
      }
    });
  });
}

async function work(
  t: TestContext,
  { postgres, signal, dir, port }: { postgres: OwnPostgres; signal: 'SIGINT' | 'SIGKILL'; dir: string; port: number },
): Promise<void> {
  const before = await openBeside(postgres.url, dir);
  const signedIn = await signInClients(before, { people: PEOPLE, sessions: SESSIONS });
  await before.close();

  const witness = createWitness(port);
  const promised: Promised = { registered: new Set(), names: new Map() };
  const stop = new AbortController();
  const rotating = signedIn.map((who, index) => createRotatingClient(port, who, index));
  const running = [...rotating.map((client) => client.run(stop.signal)), ...crowd(witness, promised, stop.signal)];

  const probe = createHttpClient(port);
  for (let round = 0; round < ROUNDS; round++) {
    await sleep(WORK);
    const gone = performance.now();
    await postgres.end(signal);
    await sleep(AWAY);
    const refusedMeanwhile = witness.answers.filter(({ at, status }) => at > gone && status === 503).length;
    await postgres.start();
    const back = performance.now();
    const goodSince = (what: string) =>
      witness.answers.some((answer) => answer.at > back && answer.what === what && answer.status < 400);
    const kinds = [...new Set(witness.answers.map(({ what }) => what))];
    const isReady = async () => (await probe.send('GET', '/health/readiness')).status === 200;
    while (!((await isReady()) && kinds.every(goodSince))) {
      assert.ok(performance.now() - back < 10 * HEALTHY, `not well after ${kinds.filter((kind) => !goodSince(kind))}`);
      await sleep(PAUSE);
    }
    const took = performance.now() - back;
    t.diagnostic(`round ${round}: ${refusedMeanwhile} × 503 meanwhile, all is well ${took.toFixed(0)} ms after`);
    assert.ok(refusedMeanwhile > 0);
    assert.ok(took < HEALTHY, `all is well only after ${took} ms`);
  }
  await sleep(WORK);
  stop.abort();
  await Promise.all(running);
  probe.close();

  checkAnswers(t, witness);
  assert.deepEqual(
    rotating.flatMap(({ faults }) => faults),
    [],
    'honest clients were refused',
  );
  const forked = rotating.flatMap(({ successors }) => [...successors.values()]).filter(({ size }) => size > 1);
  assert.deepEqual(forked, [], 'tokens with several successors');
  await checkPromises(postgres.url, dir, promised);
}

/** Everybody who works besides those who rotate; each goes on whatever they are answered. */
function crowd(witness: Witness, { registered, names }: Promised, stop: AbortSignal): Promise<void>[] {
  const login = (index: number) => ({
    login: `person${index}@example.com`,
    password: PASSWORD,
    tokenTransport: 'body',
  });
  const patients = Array.from({ length: PEOPLE }, (_, index) => {
    let token: string | null = null;
    return witness.repeat(stop, async (http, turn) => {
      if (token === null || turn % 20 === 0) {
        const reply = await witness.ask(http, 'POST /auth/login', { body: login(index) });
        token = reply?.status === 200 ? String(reply.body.accessToken) : null;
      }
      if (token !== null) {
        const asked = `Name ${turn}`;
        const { kept = '' } = names.get(`person${index}@example.com`) ?? {};
        names.set(`person${index}@example.com`, { kept, asked });
        const changed = await witness.ask(http, 'PATCH /users/me', { body: { fullName: asked }, token });
        if (changed?.status === 200) names.set(`person${index}@example.com`, { kept: asked, asked });
        await witness.ask(http, 'GET /users/me', { token });
      }
      await sleep(PAUSE);
    });
  });
  const newcomers = Array.from({ length: 2 }, (_, index) =>
    witness.repeat(stop, async (http, turn) => {
      const email = `newcomer-${index}-${turn}@example.com`;
      const reply = await witness.ask(http, 'POST /auth/register', { body: { email, password: PASSWORD } });
      if (reply?.status === 202) registered.add(email);
      await sleep(PAUSE);
    }),
  );
  return [...patients, ...newcomers];
}

function checkAnswers(t: TestContext, { answers, unanswered }: Witness): void {
  assert.deepEqual(unanswered, []);
  const counts = Object.groupBy(answers, ({ status, code }) => `${status} ${code ?? ''}`.trim());
  const slowest = Math.max(...answers.map(({ took }) => took));
  const tally = Object.entries(counts).map(([answer, all]) => `${all?.length} × ${answer}`);
  t.diagnostic(`${tally.join(', ')}; the slowest took ${slowest.toFixed(0)} ms`);
  const clean = new Set(['200', '202', '503 unavailable']);
  const strange = answers.filter(({ status, code }) => !clean.has(`${status} ${code ?? ''}`.trim()));
  assert.deepEqual(strange.slice(0, 10), [], `${strange.length} answers`);
  const slow = answers.filter(({ took }) => took > ANSWER);
  assert.deepEqual(slow.slice(0, 10), [], `${slow.length} answers took longer than ${ANSWER} ms`);
}

async function checkPromises(url: string, dir: string, { registered, names }: Promised): Promise<void> {
  const beside = await openBeside(url, dir);
  try {
    for (const [email, { kept, asked }] of names) {
      const user = await beside.app.storage.users.findByEmail(email);
      assert.ok(
        user && [kept, asked].includes(user.fullName ?? ''),
        `${email}: ${user?.fullName}, not ${kept} or ${asked}`,
      );
    }
    const mailbox = createMailbox({ dir: join(dir, 'mailbox'), clock: () => new Date() });
    const missing = async () => {
      const reached = new Set((await mailbox.list()).map(({ to }) => to));
      return [...registered].filter((email) => !reached.has(email));
    };
    const until = performance.now() + DELIVERY_LIMIT;
    while ((await missing()).length > 0 && performance.now() < until) await sleep(500);
    assert.deepEqual(await missing(), [], 'registrations whose mail never came');
    assert.ok(registered.size > 0 && names.size > 0);
  } finally {
    await beside.close();
  }
}
