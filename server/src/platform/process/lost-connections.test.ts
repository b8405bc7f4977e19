import assert from 'node:assert/strict';
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeLostConnections } from './lost-connections.ts';

const KILLS = 20;
const FDS = '/proc/self/fd';

/** A worker that says "x" on each connection, and tells its port. */
const PROGRAM = `
  import { createServer } from 'node:net';
  const server = createServer((socket) => socket.on('error', () => {}).write('x'));
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
`;

function program(t: TestContext): () => Promise<{ worker: Worker; port: number }> {
  const dir = mkdtempSync(join(tmpdir(), 'ostiary-lost-'));
  const exec = join(dir, 'program.mjs');
  writeFileSync(exec, PROGRAM);
  cluster.setupPrimary({ exec });
  const workers: Worker[] = [];
  t.after(async () => {
    for (const worker of workers) await kill(worker);
    rmSync(dir, { recursive: true, force: true });
  });
  return async () => {
    const worker = cluster.fork();
    workers.push(worker);
    closeLostConnections(worker);
    const [port] = (await once(worker, 'message')) as [number];
    return { worker, port };
  };
}

async function kill(worker: Worker): Promise<void> {
  if (worker.isDead()) return;
  const ended = once(worker, 'exit');
  worker.process.kill('SIGKILL');
  await ended;
}

async function open(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(5);
}

/** The sockets that this process has open. */
function sockets(): number {
  const names = readdirSync(FDS).map((fd) => {
    try {
      return readlinkSync(join(FDS, fd));
    } catch {
      return '';
    }
  });
  return names.filter((name) => name.startsWith('socket:')).length;
}

test('the connection that a worker had not taken when it was killed is closed, and no file stays open', {
  skip: process.platform !== 'linux',
  timeout: 30_000,
}, async (t) => {
  const start = program(t);
  const keeper = await start();
  // Its own end of the connection is one more.
  const before = sockets() + 1;
  const taken = await open(t, keeper.port);
  await once(taken, 'data');
  for (let i = 0; i < KILLS; i += 1) {
    const { worker, port } = await start();
    // What it is given from now on it does not take.
    worker.process.kill('SIGSTOP');
    await until(() => readFileSync(`/proc/${worker.process.pid}/stat`, 'utf8').includes(') T '));
    await until(() => sockets() === before + 1);
    const clients = [await open(t, port), await open(t, port)];
    const fates = clients.map((client) =>
      Promise.race(['data', 'close'].map((fate) => once(client, fate).then(() => fate))),
    );
    assert.equal(await Promise.race(fates), 'data', 'the other worker takes one of them');
    await until(() => sockets() === before + 1 + clients.length + 1);
    await kill(worker);
    assert.deepEqual((await Promise.all(fates)).toSorted(), ['close', 'data']);
    for (const client of clients) client.destroy();
    await until(() => sockets() === before);
    await until(() => Object.values(cluster.workers ?? {}).length === 1);
  }
  assert.equal(taken.destroyed, false, 'what others have stays');
});
