import assert from 'node:assert/strict';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { open, readAll } from './http.testing.ts';

/** A worker that takes two connections at a time, tells its port, and that it was asked for something that never ends. */
const PROGRAM = `
  import { fastify } from '${import.meta.resolve('fastify')}';
  import { limitConnections } from '${import.meta.resolve('./connections.ts')}';
  const app = fastify();
  limitConnections(app, { patience: 60_000, most: 2, log: { warn() {} } });
  app.get('/', () => {
    process.send('asked');
    return new Promise(() => {});
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  process.send(app.server.address().port);
`;

// Node offers what one worker does not take to the next, in a circle: without an end, and with all it has, while none does.
test('where processes share the port, a connection too many is refused instead of handed round', {
  timeout: 30_000,
}, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'ostiary-connections-'));
  const exec = join(dir, 'program.mjs');
  writeFileSync(exec, PROGRAM);
  cluster.setupPrimary({ exec });
  const workers = [cluster.fork(), cluster.fork()];
  t.after(async () => {
    const ends = workers.map((worker) => once(worker, 'exit'));
    for (const worker of workers) worker.process.kill('SIGKILL');
    await Promise.all(ends);
    rmSync(dir, { recursive: true, force: true });
  });
  const [port] = new Set((await Promise.all(workers.map((worker) => once(worker, 'message')))).map(([port]) => port));
  // One after the other: whichever worker is free first is given the next one.
  const busy = [];
  for (let i = 0; i < 4; i++) {
    const asked = Promise.race(workers.map((worker) => once(worker, 'message')));
    const client = await open(t, port);
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await asked;
    busy.push(client);
  }
  assert.equal(await readAll(await open(t, port)), '');
  assert.ok(busy.every(({ destroyed }) => !destroyed));
});
