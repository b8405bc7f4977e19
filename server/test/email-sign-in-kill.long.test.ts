import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestApp } from './app.ts';
import { testDatabases } from './databases.ts';
import { makeEvent, makeUser } from './fixtures.ts';
import { createRandom } from './fuzz/random.ts';
import { createHttpClient, type HttpClient } from './kill/http-client.ts';
import { openBeside } from './kill/people.ts';
import { type ServerProcess, serverEnv, withServers } from './kill/server-process.ts';
import { derivedSecrets } from './mail-sign-in.ts';

const KILLS = 20;
/** Requests at once for each of the three people of a round. */
const CALLERS = 50;
/** Milliseconds from the first request to the kill, at most. */
const LATEST_KILL = 60;
const TEST_LIMIT = 900_000;

const KINDS = ['verified', 'unverified', 'unknown'] as const;
type Kind = (typeof KINDS)[number];

const PASSWORD = 'walks the dog at seven';

async function makePerson(t: TestApp, kind: Kind, round: number): Promise<string> {
  const email = `${kind}${round}@example.com`;
  if (kind === 'unknown') return email;
  const passwordHash = await t.app.hasher.hash(PASSWORD);
  const clean = { emailChange: null, emailMove: null, invitation: null, mustChangePassword: false, avatarId: null };
  const names = { email, emailNorm: email, username: null, usernameKey: null };
  const user = makeUser({ ...names, passwordHash, ...clean, emailVerified: kind === 'verified', roleIds: [] });
  await t.app.storage.users.insert(user, makeEvent(`user:${user.id}`, { userId: user.id, pending: false }));
  return email;
}

for (const { name, emptyUrl } of testDatabases()) {
  test(`of ${CALLERS} who sign in with one mail one does, whenever the server is killed (${name}, ${KILLS} kills)`, {
    timeout: TEST_LIMIT,
  }, async (t) => {
    const { url, drop } = await emptyUrl();
    try {
      await withServers(async (dir, startServer) => {
        const more = { EMAIL_SIGN_IN: 'link', EMAIL_VERIFICATION: 'off' };
        const start = (port: number) => startServer({ env: serverEnv(dir, url, { PORT: String(port), ...more }), dir });
        let server: ServerProcess = await start(0);
        const { port } = server;
        const beside = await openBeside(url, dir);
        const random = createRandom(5, -1);
        const counts = { answered: 0, lost: 0, void: 0 };

        /** The answers that came; those of a server that is gone are lost. */
        async function race(http: HttpClient, flowToken: string, proofs: readonly object[]) {
          const calls = Array.from({ length: CALLERS }, (_, i) => {
            const body = { flowToken, ...proofs[i % proofs.length], tokenTransport: 'body' };
            return http.send('POST', '/auth/email-code/verify', { body }).catch(() => null);
          });
          return Promise.all(calls);
        }

        async function begin(http: HttpClient, email: string) {
          const { status, body } = await http.send('POST', '/auth/email-code', { body: { email } });
          assert.equal(status, 202, JSON.stringify(body));
          const flowToken = String(body.flowToken);
          return { flowToken, ...(await derivedSecrets(beside, flowToken, email)) };
        }

        for (let round = 0; round < KILLS; round++) {
          const http = createHttpClient(port, { connections: CALLERS });
          const people = await Promise.all(
            KINDS.map(async (kind) => {
              const email = await makePerson(beside, kind, round);
              return { kind, email, ...(await begin(http, email)) };
            }),
          );
          const racing = people.map(({ flowToken, code, token }) => race(http, flowToken, [{ token }, { code }]));
          await sleep(random.int(LATEST_KILL));
          assert.equal((await server.end('SIGKILL')).signal, 'SIGKILL');
          const first = await Promise.all(racing);
          http.close();
          server = await start(port);
          const next = createHttpClient(port, { connections: CALLERS });
          for (const [i, { kind, email, flowToken, token }] of people.entries()) {
            const answers = [...(first[i] ?? []), ...(await race(next, flowToken, [{ token }]))];
            const wins = answers.filter((answer) => answer?.status === 200).length;
            assert.ok(wins <= 1, `${wins} got in as ${email}`);
            for (const answer of answers) assert.ok(answer === null || [200, 400].includes(answer.status));
            const user = (await beside.app.storage.users.findByEmail(email)) ?? null;
            const sessions = user ? await beside.app.storage.sessions.listLatest(user.id, 99) : [];
            assert.ok(sessions.length <= 1, `${sessions.length} sessions of ${email}`);
            assert.ok(wins <= sessions.length);
            counts.answered += wins;
            counts.lost += sessions.length - wins;
            // The account was made or claimed right before the kill: what was mailed is void, and the next mail signs in.
            if (sessions.length === 0) counts.void += 1;
            if (sessions.length === 0)
              assert.notEqual(kind, 'verified', 'nothing is lost of an account that did not change');
            assert.ok(user?.emailVerified, email);
            const login = { login: email, password: PASSWORD };
            const { status } = await next.send('POST', '/auth/login', { body: login });
            assert.equal(status, kind === 'verified' ? 200 : 401, `the password of ${email}`);
          }
          next.close();
        }
        assert.equal((await server.end('SIGTERM')).code, 0);
        assert.equal(await beside.app.storage.users.count({}, 9999), KINDS.length * KILLS, 'one account each');
        t.diagnostic(
          `${name}: ${counts.answered} answered, ${counts.lost} lost with the server, ${counts.void} have to ask again`,
        );
        await beside.close();
      });
    } finally {
      await drop();
    }
  });
}
