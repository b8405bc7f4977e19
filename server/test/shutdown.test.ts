import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMailbox } from '../src/platform/mail/mailbox.ts';
import { createClient, ok } from './client.ts';
import { createHttpClient, isRefused } from './kill/http-client.ts';
import { openBeside, type SignedInClient, signInClients } from './kill/people.ts';
import { serverEnv, withServers } from './kill/server-process.ts';
import { freshSqlite } from './scenario.ts';

const ROTATING = 12;
const REGISTERING = 4;
/** Requests that are answered before the signal comes. */
const WARM_UP = 100;

/** What came of the requests of all clients. */
interface Ledger {
  answered: number;
  /** Requests that were sent on an open connection and got no answer, or none that should come. */
  lost: string[];
  refused: number;
  promised: string[];
}

/** Calls again and again on one connection, until the server takes no more. */
async function keepCalling(
  port: number,
  ledger: Ledger,
  call: (http: ReturnType<typeof createHttpClient>) => Promise<number>,
  wanted: number,
): Promise<void> {
  const http = createHttpClient(port);
  try {
    for (;;) {
      const status = await call(http);
      if (status === wanted) ledger.answered += 1;
      else ledger.lost.push(`${status} instead of ${wanted}`);
    }
  } catch (error) {
    if (isRefused(error)) ledger.refused += 1;
    else ledger.lost.push(String(error));
  } finally {
    http.close();
  }
}

test('SIGTERM under load loses no request that was accepted, no session and no mail', async () => {
  const { url, drop } = await freshSqlite();
  await withServers(async (dir, start) => {
    const before = await openBeside(url, dir);
    const people = await signInClients(before, { people: 2, sessions: ROTATING / 2 });
    await before.close();

    const server = await start({ env: serverEnv(dir, url), dir });
    const ledger: Ledger = { answered: 0, lost: [], refused: 0, promised: [] };
    const rotating = people.map((person) => keepCalling(server.port, ledger, rotator(person), 200));
    const registering = Array.from({ length: REGISTERING }, (_, index) =>
      keepCalling(server.port, ledger, newcomers(index, ledger), 202),
    );
    while (ledger.answered < WARM_UP && ledger.lost.length === 0) await sleep(5);
    const outcome = await server.end('SIGTERM');
    await Promise.all([...rotating, ...registering]);

    assert.deepEqual(ledger.lost, []);
    assert.equal(ledger.refused, ROTATING + REGISTERING, 'each client was turned away at the end');
    assert.deepEqual([outcome.code, outcome.signal, outcome.stderr], [0, null, '']);
    assert.match(outcome.stdout, /SIGTERM/);
    assert.ok(ledger.promised.length > 0);

    const after = await openBeside(url, dir);
    try {
      const api = createClient(after);
      for (const { refreshToken } of people) {
        ok(await api.send('POST', '/auth/refresh', { body: { refreshToken } }), 200);
      }
      await after.work();
      const mailbox = createMailbox({ dir: join(dir, 'mailbox'), clock: () => new Date() });
      const mailed = (await mailbox.list()).map(({ to }) => to);
      assert.deepEqual(mailed.toSorted(), ledger.promised.toSorted(), 'one mail for each registration');
    } finally {
      await after.close();
    }
  });
  await drop();
});

/** Refreshes, and remembers the new tokens. */
function rotator(person: SignedInClient) {
  return async (http: ReturnType<typeof createHttpClient>) => {
    const { refreshToken } = person;
    const { status, body } = await http.send('POST', '/auth/refresh', { body: { refreshToken } });
    if (status === 200) person.refreshToken = String(body.refreshToken);
    return status;
  };
}

/** Registers one person after another. */
function newcomers(client: number, { promised }: Ledger) {
  let made = 0;
  return async (http: ReturnType<typeof createHttpClient>) => {
    made += 1;
    const email = `newcomer-${client}-${made}@example.com`;
    const { status } = await http.send('POST', '/auth/register', {
      body: { email, password: 'walks the dog at seven' },
    });
    if (status === 202) promised.push(email);
    return status;
  };
}
