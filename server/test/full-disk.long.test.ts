// A disk that is really full: a small file system of its own, which only root may mount. Without root, nothing of this is shown.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectDatabase } from '../src/platform/database/database.ts';
import { launchMariadb } from '../tools/test-servers/mariadb.ts';
import { launchPostgres } from '../tools/test-servers/postgres.ts';
import { createScratch } from '../tools/test-servers/scratch.ts';
import type { Launch } from '../tools/test-servers/server-process.ts';
import { createHttpClient } from './kill/http-client.ts';
import { openBeside, type SignedInClient, signInClients } from './kill/people.ts';
import { type ServerProcess, serverEnv, withServers } from './kill/server-process.ts';
import { canMount, type SmallDisk, withSmallDisk } from './small-disk.ts';
import { until } from './until.ts';

const options = { skip: canMount() ? false : 'only root may mount a small disk', timeout: 240_000 };
/** Milliseconds within which the state of a disk is noticed. */
const NOTICED = 30_000;

/** What was answered with 2xx, and so must be kept. */
interface Promised {
  registered: Set<string>;
  /** By the person's index: the last name that was taken. */
  names: Map<number, string>;
}

test('SQLite', options, (t) =>
  withSmallDisk(24, (disk) => tryDisk(t, disk, `sqlite:${join(disk.dir, 'test.db')}`, /"errcode":13/)),
);

for (const [name, launch, megabytes, code] of [
  ['PostgreSQL', launchPostgres, 140, /"code":"53100"/],
  ['MariaDB', launchMariadb, 260, /"code":"ER_(?:RECORD_FILE|DISK)_FULL"/],
] satisfies [string, Launch, number, RegExp][]) {
  test(name, options, (t) =>
    withSmallDisk(megabytes, async (disk) => {
      const scratch = createScratch(disk.dir);
      try {
        const launched = await launch(scratch, { durable: true });
        if ('missing' in launched) throw new Error(`${launched.missing}; \`npm run test:install\` gets it.`);
        await tryDisk(t, disk, launched.url, code);
      } finally {
        await scratch.end();
      }
    }),
  );
}

async function tryDisk(t: TestContext, disk: SmallDisk, url: string, code: RegExp): Promise<void> {
  await withServers(async (dir, start) => {
    const beside = await openBeside(url, dir);
    const people = await signInClients(beside, { people: 4, sessions: 1 });
    await beside.close();
    const env = serverEnv(dir, url, { ACCESS_TOKEN_TTL: '1h' });
    const server = await start({ env, dir });
    const promised: Promised = { registered: new Set(), names: new Map() };
    await fillAndFree(t, disk, server, people, promised);
    await until('the log tells of the end', () => server.stdout().includes('database works again'));
    const { stdout } = await server.end('SIGKILL');
    const told = stdout.split('\n').filter((line) => line.includes('writing to the database'));
    t.diagnostic(told.join('\n'));
    assert.match(told.find((line) => line.includes('fails')) ?? '', code);
    assert.ok(told.some((line) => line.includes('works again')));
    await checkPromises(url, dir, people, promised);
    assert.deepEqual(await tablesOfTrials(url), []);
  });
}

async function fillAndFree(
  t: TestContext,
  disk: SmallDisk,
  server: ServerProcess,
  people: SignedInClient[],
  promised: Promised,
): Promise<void> {
  const client = createHttpClient(server.port);
  let round = 0;
  /** Writes of several kinds; answers their statuses. */
  async function write(): Promise<number[]> {
    round += 1;
    const statuses: number[] = [];
    for (const [index, { accessToken: token }] of people.entries()) {
      const fullName = `Name ${round}`;
      const answer = await client.send('PATCH', '/users/me', { token, body: { fullName } });
      if (answer.status === 200) promised.names.set(index, fullName);
      statuses.push(answer.status);
    }
    const email = `new${round}@example.com`;
    const body = { email, password: 'walks the dog at seven' };
    const { status } = await client.send('POST', '/auth/register', { body });
    if (status === 202) promised.registered.add(email);
    return [...statuses, status];
  }
  const readiness = async () => (await client.send('GET', '/health/readiness')).status;
  const isReady = async () => (await readiness()) === 200;

  assert.deepEqual([...new Set(await write())].sort(), [200, 202]);
  assert.ok(await isReady());

  const filled = performance.now();
  const seen = new Map<number, number>();
  const count = (statuses: number[]) => {
    for (const status of statuses) seen.set(status, (seen.get(status) ?? 0) + 1);
  };
  let refusedAt: number | null = null;
  for (;;) {
    disk.fill();
    const statuses = await write();
    count(statuses);
    if (statuses.includes(503)) refusedAt ??= performance.now();
    if (refusedAt !== null && !(await isReady())) break;
    assert.ok(performance.now() - filled < 2 * NOTICED, `still ready: ${JSON.stringify([...seen])}`);
  }
  t.diagnostic(
    `refused after ${(refusedAt - filled).toFixed(0)} ms, not ready ${(performance.now() - refusedAt).toFixed(0)} ms later; ${JSON.stringify([...seen])}`,
  );
  for (let i = 0; i < 5; i++) {
    disk.fill();
    count(await write());
    assert.equal(await readiness(), 503);
    const me = await client.send('GET', '/users/me', { token: people[0]?.accessToken ?? '' });
    assert.ok([200, 503].includes(me.status), `reading: ${me.status}`);
  }
  assert.deepEqual(
    [...seen.keys()].filter((status) => ![200, 202, 503].includes(status)),
    [],
    JSON.stringify([...seen]),
  );

  disk.free();
  const freed = performance.now();
  while (!(await isReady())) {
    assert.ok(performance.now() - freed < NOTICED, 'not ready again');
    await sleep(50);
  }
  t.diagnostic(`ready again after ${(performance.now() - freed).toFixed(0)} ms`);
  assert.deepEqual([...new Set(await write())].sort(), [200, 202]);
  client.close();
}

/** What the trials that need room would leave behind. */
async function tablesOfTrials(url: string): Promise<string[]> {
  const database = await connectDatabase({ url, poolSize: 1, slowQuery: 60_000, log: { warn() {} } });
  try {
    const tables = database.kind === 'sql' ? await database.db.introspection.getTables() : [];
    return tables.map(({ name }) => name).filter((name) => name.startsWith('ostiary_trial_'));
  } finally {
    await database.close();
  }
}

/** Whether all that was answered with 2xx is there. */
async function checkPromises(url: string, dir: string, people: SignedInClient[], promised: Promised): Promise<void> {
  const after = await openBeside(url, dir);
  try {
    for (const [index, name] of promised.names) {
      const user = await after.app.storage.users.find(people[index]?.userId ?? '');
      assert.equal(user?.fullName, name);
    }
    for (const email of promised.registered)
      await until(`the mail to ${email}`, async () => (await after.mailsTo(email)).length > 0);
  } finally {
    await after.close();
  }
}
