import assert from 'node:assert/strict';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createHttpClient } from './kill/http-client.ts';
import { serverEnv, withServers } from './kill/server-process.ts';
import { freshSqlite } from './scenario.ts';

const PASSWORD = 'Xk7-redis-secret-word';
/** What Redis itself answers: to commands before the password, and to a password that is not right. */
const REFUSALS = [
  '-NOAUTH Authentication required.\r\n',
  '-WRONGPASS invalid username-password pair or user is disabled.\r\n',
];

/** A port where somebody takes connections and answers whatever is sent with this; null: where nobody listens. */
async function portThatAnswers(t: TestContext, answer: string | null): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => answer !== null && socket.write(answer));
    t.after(() => socket.destroy());
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise((resolve) => server.close(resolve));
  if (answer === null) await close();
  else t.after(() => void server.close());
  return port;
}

for (const [name, answer] of [
  ['nobody listens', null],
  ['nobody answers', ''],
  ['the password is refused', REFUSALS.join('')],
] as const) {
  test(`a Redis where ${name}: the server starts, serves, stops, and tells no password`, {
    timeout: 90_000,
  }, async (t) => {
    const { url, drop } = await freshSqlite();
    t.after(drop);
    const port = await portThatAnswers(t, answer);
    await withServers(async (dir, start) => {
      const env = { REDIS_URL: `redis://:${PASSWORD}@127.0.0.1:${port}`, LOG_LEVEL: 'trace' };
      const server = await start({ env: serverEnv(dir, url, env), dir });
      const http = createHttpClient(server.port);
      const ready = await http.send('GET', '/health/readiness');
      http.close();
      assert.equal(ready.status, 200);
      assert.equal((ready.body as { status: string }).status, 'degraded');
      const { code, stdout, stderr } = await server.end('SIGTERM');
      assert.equal(code, 0, stderr);
      assert.ok(!(stdout + stderr).includes(PASSWORD));
    });
  });
}
