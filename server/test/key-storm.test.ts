import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MINUTE } from '../src/platform/clock.ts';
import { connectDatabase } from '../src/platform/database/database.ts';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { createLog } from '../src/platform/telemetry/log.ts';
import { openApp } from '../src/start.ts';
import { openTestApp, standingClock, type TestApp } from './app.ts';
import { createClient, ok, type SignedInBody } from './client.ts';
import { PATIENCE, testDatabases } from './databases.ts';
import { kidOf, published } from './key-pair.ts';
import { createWorld, member, signIn } from './matrix/world.ts';
import { atOnce, somebody, tally } from './scenario.ts';

const ROTATIONS = 50;
const CLIENTS = 100;
/** Requests of clients at a time: as many as a busy machine answers within the limits of its database. */
const UNDER_WAY = 10;
/** Each person signs in so often. */
const SESSIONS = 5;
/** How far the clocks of the instances are from the right time. */
const CLOCKS = [0, MINUTE, -MINUTE];

for (const { name, freshUrl } of testDatabases()) {
  test(`50 rotations at once, by three instances with clocks apart and by the command, harm no token of 100 clients (${name})`, async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'ostiary-storm-'));
    const { url: databaseUrl, drop } = await freshUrl();
    const instances: TestApp[] = [];
    try {
      for (const offset of CLOCKS) {
        const time = standingClock();
        time.forward(offset);
        instances.push(await openTestApp({ databaseUrl, dataDir, time }));
      }
      await storm(instances, databaseUrl);
    } finally {
      for (const t of instances.reverse()) await t.close();
      await drop();
      await rm(dataDir, { recursive: true, force: true });
    }
  });

  async function storm(instances: TestApp[], databaseUrl: string): Promise<void> {
    const [first = assert.fail()] = instances;
    // Two writers in one process hold each other up on SQLite, which has one lock for all: there the others read.
    const writers = name === 'sqlite' ? [first] : instances;
    const clients = writers.map(createClient);
    const readers = instances.map(createClient);
    const here = await createWorld({ ...first, client: createClient(first), databaseUrl });
    const { token } = await signIn(here, await member(here, ['superadmin']));
    const signedIn: SignedInBody[] = [];
    for (let i = 0; i < CLIENTS / SESSIONS; i++) {
      const person = somebody();
      signedIn.push(await here.client.register(person));
      for (let more = 1; more < SESSIONS; more++) signedIn.push(await here.client.login(person));
    }

    let isOver = false;
    let refreshes = 0;
    const faults: string[] = [];
    /** Refreshes somewhere and uses the token everywhere; each list holds its key before its instance sees the token. */
    async function use(last: SignedInBody, round: number): Promise<SignedInBody> {
      const client = clients[round % clients.length] ?? assert.fail();
      const answer = await client.send('POST', '/auth/refresh', { body: { refreshToken: last.refreshToken } });
      if (answer.statusCode !== 200) {
        faults.push(`refresh: ${answer.statusCode} ${answer.body}`);
        return last;
      }
      const next = answer.json<SignedInBody>();
      refreshes += 1;
      for (const [at, reader] of readers.entries()) {
        const list = await published(instances[at] ?? assert.fail());
        if (!list.includes(kidOf(next.accessToken))) faults.push(`instance ${at} does not publish the key`);
        const { statusCode } = await reader.send('GET', '/users/me', { token: next.accessToken });
        if (statusCode !== 200) faults.push(`instance ${at}: ${statusCode}`);
      }
      return next;
    }
    /** Uses its share of the clients one after the other, each at least once. Answers what each has at the end. */
    async function useInTurn(share: readonly SignedInBody[]): Promise<SignedInBody[]> {
      let held = [...share];
      for (let round = 0; round === 0 || !isOver; round++) {
        const after: SignedInBody[] = [];
        for (const [i, last] of held.entries()) after.push(await use(last, i + round));
        held = after;
      }
      return held;
    }
    const shares = Array.from({ length: UNDER_WAY }, (_, n) => signedIn.filter((_one, i) => i % UNDER_WAY === n));
    const using = Promise.all(shares.map(useInTurn)).then((held) => held.flat());

    const command = await openCommand(first, databaseUrl);
    try {
      const answers = await atOnce(ROTATIONS, async (i) => {
        if (i % 5 === 0 && name !== 'sqlite') return command.rotate();
        return (clients[i % clients.length] ?? assert.fail()).send('POST', '/admin/keys/rotate', { token });
      });
      const answered = answers.filter((answer) => answer !== undefined);
      assert.deepEqual(tally(answered), { '200': answered.length });
    } finally {
      isOver = true;
      await using;
      await command.close();
    }
    assert.deepEqual(faults.slice(0, 10), [], `${faults.length} faults`);
    assert.ok(refreshes >= CLIENTS, `${refreshes} refreshes`);

    const links = (await first.app.keys.list()).filter(({ key }) => key.use === 'sig');
    const states = links.map(({ status }) => status).join(' ');
    assert.match(states, /^(retired )+active next$/);
    for (const { accessToken } of [...signedIn, ...(await using)]) {
      for (const reader of readers) {
        ok(await reader.send('GET', '/users/me', { token: accessToken }), 200);
      }
    }
  }
}

/** What `ostiary keys rotate` opens: the whole server, which does not start. */
async function openCommand({ config, time }: TestApp, url: string) {
  const log = createLog(config.log);
  const database = await connectDatabase({
    url,
    poolSize: 2,
    slowQuery: config.log.slowQuery,
    log,
    patience: PATIENCE,
  });
  const { app, close } = await openApp({ config, database, log, clock: () => time.now });
  return {
    rotate: () => app.keys.rotate(SYSTEM_CALLER, 'sig') as Promise<undefined>,
    async close() {
      await app.http.close();
      await close();
      await database.close();
    },
  };
}
