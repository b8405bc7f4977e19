import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testDatabases } from '../../test/databases.ts';
import { createScratch, memoryFolder } from './scratch.ts';
import type { ServerKind } from './start.ts';
import { SERVER_KINDS, startTestServers } from './start.ts';

const KINDS = Object.keys(SERVER_KINDS) as ServerKind[];

/** Whether something listens where `url` points. */
async function listens(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const socket = createConnection({ host: hostname, port: Number(port) });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Waits for what happens in another process; fails after half a minute. */
async function eventually(what: string, condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (condition()) return;
    await sleep(50);
  }
  assert.fail(`not within 30 s: ${what}`);
}

for (const kind of KINDS) {
  test(`${kind}: a private server starts, takes a database, and is gone after stop`, async () => {
    const servers = await startTestServers({ only: [kind], env: {} });
    const url = servers.urls[kind];
    try {
      assert.equal(servers.report.length, 1);
      if (url === undefined) {
        // Nothing is skipped in silence: what could not be started is said, with the way to get it.
        assert.match(servers.report[0] ?? '', /NOT RUN ON, .*npm run test:install/);
        return;
      }
      assert.match(servers.report[0] ?? '', /^(?:PostgreSQL|MariaDB|MongoDB|Redis) \d+\.\S+.*: a private server/);
      // It holds no database that a test would make.
      if (kind === 'redis') return;
      const [, database] = testDatabases({ [SERVER_KINDS[kind].variable]: url });
      assert.equal(database?.name, kind);
      const fresh = await database.emptyUrl();
      assert.match(fresh.url, /\/ostiary_[0-9a-f]{16}/);
      await fresh.drop();
    } finally {
      await servers.stop();
    }
    assert.equal(await listens(url), false);
    await servers.stop();
  });
}

test('a server that is named but away fails the start, and says which variable named it', async () => {
  const urls = {
    postgres: 'postgres://a:b@127.0.0.1:1/c',
    mysql: 'mysql://a:b@127.0.0.1:1/c',
    mongodb: 'mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200',
    redis: 'redis://127.0.0.1:1',
  };
  for (const kind of KINDS) {
    const { variable } = SERVER_KINDS[kind];
    const start = startTestServers({ only: [kind], env: { [variable]: urls[kind] } });
    await assert.rejects(start, new RegExp(`^.*Error: ${variable} names a server that cannot be reached: .+`));
  }
});

test('an unknown kind of server is a mistake of the caller', async () => {
  await assert.rejects(startTestServers({ only: ['oracle'] }), TypeError);
});

test('a server that is named and answers is used and left alone', async () => {
  const own = await startTestServers({ only: ['postgres'], env: {} });
  const url = own.urls.postgres;
  try {
    if (url === undefined) {
      assert.match(own.report[0] ?? '', /NOT RUN ON/);
      return;
    }
    const named = await startTestServers({ only: ['postgres'], env: { TEST_POSTGRES_URL: url } });
    assert.deepEqual(named.urls, { postgres: url });
    assert.match(named.report[0] ?? '', /the server that TEST_POSTGRES_URL names$/);
    await named.stop();
    assert.equal(await listens(url), true);
  } finally {
    await own.stop();
  }
});

test('a process that is killed with SIGKILL leaves neither its servers nor their folder behind', async () => {
  const script = `
    import { spawn } from 'node:child_process';
    import { createScratch } from ${JSON.stringify(join(import.meta.dirname, 'scratch.ts'))};
    const scratch = createScratch();
    const server = spawn('sleep', ['600'], { detached: true, stdio: 'ignore', cwd: scratch.dir });
    scratch.guard(server, 'TERM');
    const stubborn = spawn('sh', ['-c', "trap '' TERM; exec sleep 600"], { detached: true, stdio: 'ignore' });
    scratch.guard(stubborn, 'KILL');
    console.log(JSON.stringify({ dir: scratch.dir, pids: [server.pid, stubborn.pid] }));
    setInterval(() => {}, 1000);
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const { dir, pids } = JSON.parse(line.toString()) as { dir: string; pids: number[] };
  assert.ok(existsSync(dir));
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  await eventually('the folder is removed', () => !existsSync(dir));
  for (const pid of pids) await eventually(`process ${pid} is gone`, () => !isAlive(pid));
});

/** A process that has ended is listed, in state Z, until its new parent takes note; some never do. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

test('end removes the folder and may be called twice', async () => {
  const scratch = createScratch();
  assert.ok(existsSync(scratch.dir));
  await scratch.end();
  assert.equal(existsSync(scratch.dir), false);
  await scratch.end();
});

test('what a run throws away is kept in memory, unless there is too little or TMPDIR says where', () => {
  assert.ok([null, '/dev/shm'].includes(memoryFolder({})));
  assert.equal(memoryFolder({ TMPDIR: '/var/tmp' }), null);
});
