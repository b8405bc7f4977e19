// Races and walks of second factors again, with as many rounds as the long tests take; and codes on a server that is killed meanwhile.
process.env.RACE_ROUNDS ||= '20';
process.env.WALKS ||= '1000';
await import('./second-factor-races.test.ts');
await import('./second-factor-walks.test.ts');

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { addAuthenticator } from './authenticator.ts';
import { createClient } from './client.ts';
import { testDatabases } from './databases.ts';
import { createRandom } from './fuzz/random.ts';
import { createHttpClient, type HttpClient } from './kill/http-client.ts';
import { openBeside } from './kill/people.ts';
import { serverEnv, withServers } from './kill/server-process.ts';

const CALLERS = 20;
const PERSON = { email: 'owner@example.com', password: 'walks the dog at seven' };

/** Answers of so many sign-ins at once with one recovery code; null: the server was gone. */
async function tryCode(http: HttpClient, recoveryCode: string, callers: number): Promise<(number | null)[]> {
  const flows = await Promise.all(
    Array.from({ length: callers }, () =>
      http.send('POST', '/auth/login', { body: { login: PERSON.email, password: PERSON.password } }),
    ),
  );
  return Promise.all(
    flows.map(({ body }) =>
      http
        .send('POST', '/auth/complete-step', { body: { flowToken: body.flowToken, recoveryCode } })
        .then(({ status }) => status)
        .catch(() => null),
    ),
  );
}

for (const { name, emptyUrl } of testDatabases()) {
  test(`a recovery code gives at most one session, whenever the server is killed (${name})`, {
    timeout: 600_000,
  }, async () => {
    const { url, drop } = await emptyUrl();
    try {
      await withServers(async (dir, startServer) => {
        const start = (port: number) => startServer({ env: serverEnv(dir, url, { PORT: String(port) }), dir });
        let server = await start(0);
        const beside = await openBeside(url, dir);
        const { id } = await beside.app.setup.createUser(SYSTEM_CALLER, { ...PERSON, superadmin: false });
        const client = createClient(beside);
        const { accessToken } = await client.login(PERSON);
        const { recoveryCodes } = await addAuthenticator({ client, time: beside.time }, accessToken);
        await beside.close();
        const random = createRandom(3, -1);
        let answered = 0;
        for (const code of recoveryCodes) {
          const http = createHttpClient(server.port, { connections: CALLERS });
          const trying = tryCode(http, code, CALLERS).catch(() => []);
          await sleep(20 + random.int(300));
          assert.equal((await server.end('SIGKILL')).signal, 'SIGKILL');
          const before = (await trying).filter((status) => status === 200).length;
          http.close();
          server = await start(server.port);
          const next = createHttpClient(server.port, { connections: CALLERS });
          const later = (await tryCode(next, code, CALLERS)).filter((status) => status === 200).length;
          next.close();
          assert.ok(before + later <= 1, `${before} before and ${later} after a kill`);
          answered += before + later;
        }
        assert.ok(answered > 0, 'some sign-ins were answered');
        assert.equal((await server.end('SIGTERM')).code, 0);
        const after = await openBeside(url, dir);
        const sessions = await after.app.storage.sessions.listLatest(id, 1000);
        const byCode = sessions.filter(({ methods }) => methods.some(({ method }) => method === 'recovery_code'));
        assert.ok(byCode.length <= recoveryCodes.length && byCode.length >= answered);
        assert.deepEqual((await after.app.storage.factors.find(id))?.recovery?.hashes, []);
        await after.close();
      });
    } finally {
      await drop();
    }
  });
}
