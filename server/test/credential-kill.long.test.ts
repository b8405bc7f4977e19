// Passkeys and API keys on a server that is killed meanwhile: what was answered is kept, and what works once has worked once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DAY } from '../src/platform/clock.ts';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { createClient } from './client.ts';
import { testDatabases } from './databases.ts';
import { createRandom } from './fuzz/random.ts';
import { ROUTES } from './key-verbs.ts';
import { createHttpClient, type HttpClient } from './kill/http-client.ts';
import { openBeside } from './kill/people.ts';
import { serverEnv, withServers } from './kill/server-process.ts';
import { addPasskey, type Begun, type RequestJson } from './passkey-verbs.ts';
import { createAuthenticator } from './webauthn-device.ts';

const KILLS = 10;
const CALLERS = 20;
const PERSON = { email: 'owner@example.com', password: 'walks the dog at seven' };

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/** The same request so many times at once; null: the server was gone. */
const atOnce = (http: HttpClient, path: string, body: unknown, token?: string): Promise<(Answer | null)[]> =>
  Promise.all(
    Array.from({ length: CALLERS }, () => http.send('POST', path, { body, ...(token && { token }) }).catch(() => null)),
  );

const answered = (answers: (Answer | null)[]) => answers.filter((answer) => answer?.status === 200) as Answer[];

for (const { name, emptyUrl } of testDatabases()) {
  test(`one assertion is one session, and a secret that was answered works, whenever the server is killed (${name})`, {
    timeout: 600_000,
  }, async () => {
    const { url, drop } = await emptyUrl();
    try {
      await withServers(async (dir, startServer) => {
        const env = { API_KEYS: 'on', PASSKEYS: 'on' };
        const start = (port: number) => startServer({ env: serverEnv(dir, url, { ...env, PORT: String(port) }), dir });
        let server = await start(0);
        const beside = await openBeside(url, dir);
        const { id: userId } = await beside.app.setup.createUser(SYSTEM_CALLER, { ...PERSON, superadmin: true });
        const client = createClient(beside);
        const { device } = await addPasskey(
          { client },
          (await client.login(PERSON)).accessToken,
          createAuthenticator({ counts: true, synced: false }),
        );
        await beside.close();
        const random = createRandom(5, -1);

        async function signIn(http: HttpClient): Promise<string> {
          const begun = (await http.send('POST', '/auth/passkey/options', { body: {} })).body;
          const { challengeToken, options } = begun as unknown as Begun<RequestJson>;
          const body = { challengeToken, response: device.get(options), tokenTransport: 'body' };
          const { status, body: signedIn } = await http.send('POST', '/auth/passkey', { body });
          assert.equal(status, 200, JSON.stringify(signedIn));
          return String(signedIn.accessToken);
        }

        let [sessions, rotations, signIns] = [0, 0, 0];
        for (let kill = 0; kill < KILLS; kill++) {
          const http = createHttpClient(server.port, { connections: 2 * CALLERS });
          const token = await signIn(http);
          signIns++;
          const expiresAt = new Date(Date.now() + 30 * DAY).toISOString();
          const body = { name: `key ${kill}`, scopes: [ROUTES], expiresAt };
          const made = (await http.send('POST', '/users/me/keys', { token, body })).body;
          const { key, secret } = made as { key: { id: string }; secret: string };
          const begun = (await http.send('POST', '/auth/passkey/options', { body: {} })).body;
          const { challengeToken, options } = begun as unknown as Begun<RequestJson>;
          const assertion = { challengeToken, response: device.get(options), tokenTransport: 'body' };
          const rotate = `/users/me/keys/${key.id}/rotate`;

          const trying = Promise.all([
            atOnce(http, '/auth/passkey', assertion),
            atOnce(http, rotate, { overlap: '1h' }, token),
          ]);
          await sleep(random.int(120));
          assert.equal((await server.end('SIGKILL')).signal, 'SIGKILL');
          const [signedIn, rotated] = (await trying).map(answered) as [Answer[], Answer[]];
          http.close();

          server = await start(server.port);
          const next = createHttpClient(server.port, { connections: CALLERS });
          const later = answered(await atOnce(next, '/auth/passkey', assertion));
          assert.ok(signedIn.length + later.length <= 1, `${signedIn.length} before and ${later.length} after a kill`);
          sessions += signedIn.length + later.length;
          assert.ok(rotated.length <= 1, 'one of many rotations has the new secret');
          rotations += rotated.length;
          const works = async (one: unknown) =>
            (await next.send('GET', '/admin/routes', { token: String(one) })).status === 200;
          assert.ok(await works(secret), 'the former secret works until the overlap is over');
          for (const { body: given } of rotated) assert.ok(await works(given.secret), 'what was answered is kept');
          next.close();
        }
        assert.ok(sessions > 0 && rotations > 0, `${sessions} sign-ins and ${rotations} rotations were answered`);
        assert.equal((await server.end('SIGTERM')).code, 0);
        const after = await openBeside(url, dir);
        const all = await after.app.storage.sessions.listLatest(userId, 1000);
        const byPasskey = all.filter(({ methods }) => methods.some(({ method }) => method === 'passkey'));
        assert.ok(byPasskey.length >= sessions + signIns && byPasskey.length <= KILLS + signIns);
        await after.close();
      });
    } finally {
      await drop();
    }
  });
}
