import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openGate } from './gate.ts';
import { createHttpClient } from './kill/http-client.ts';
import { serverEnv, withServers } from './kill/server-process.ts';
import { freshSqlite } from './scenario.ts';

const redis = process.env.TEST_REDIS_URL;
/** The grace for requests, that for jobs and what is beyond it; milliseconds. */
const END_LIMIT = 45_000;

test('SIGTERM ends a server whose Redis is away', { skip: redis === undefined && 'there is no Redis' }, async () => {
  const { url, drop } = await freshSqlite();
  const gate = await openGate(redis ?? '');
  try {
    await withServers(async (dir, start) => {
      const server = await start({ env: serverEnv(dir, url, { REDIS_URL: gate.url }), dir });
      const http = createHttpClient(server.port);
      assert.equal((await http.send('GET', '/health/liveness')).status, 200);
      http.close();
      await gate.shut();
      // Until its workers have noticed.
      await sleep(3_000);
      const ended = await Promise.race([server.end('SIGTERM'), sleep(END_LIMIT, null, { ref: false })]);
      assert.ok(ended, `it still runs:\n${server.stdout().slice(-2000)}`);
      assert.equal(ended.code, 0, ended.stdout.slice(-2000));
    });
  } finally {
    await gate.open();
    await gate.shut();
    await drop();
  }
});
