import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { EventDraft } from '../src/modules/events/event-store.ts';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { newId } from '../src/platform/ids.ts';
import { createClient } from './client.ts';
import { type TestDatabase, testDatabases } from './databases.ts';
import { openBeside } from './kill/people.ts';
import { type ServerProcess, serverEnv, withServers } from './kill/server-process.ts';
import { until } from './until.ts';

const SOCKETS = 1000;
const PER_PERSON = 50;
/** Resident octets that so many sockets may take. */
const MEMORY = 150e6;
const REVOCATION = 1000;
const SUBSCRIBERS = 100;
const EVENTS = 10_000;
const PASSWORD = 'walks the dog at seven';

type Beside = Awaited<ReturnType<typeof openBeside>>;
type Message = Record<string, unknown>;

/** Two server processes on one database, without Redis; `beside` writes to it. */
async function withPair(
  { freshUrl }: TestDatabase,
  run: (servers: readonly [ServerProcess, ServerProcess], beside: Beside) => Promise<void>,
): Promise<void> {
  const { url, drop } = await freshUrl();
  try {
    await withServers(async (dir, start) => {
      const beside = await openBeside(url, dir);
      try {
        const env = serverEnv(dir, url);
        await run([await start({ env, dir }), await start({ env, dir })], beside);
      } finally {
        await beside.close();
      }
    });
  } finally {
    await drop();
  }
}

interface Follower {
  socket: WebSocket;
  messages: Message[];
  /** The highest number that it was told. */
  known: number;
  /** Code and time. */
  ended: { code: number; at: number } | null;
}

async function open({ port }: ServerProcess, token: string, topics: string[]): Promise<Follower> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/api/v1/ws`, ['ostiary.v1', `bearer.${token}`]);
  const follower: Follower = { socket, messages: [], known: 0, ended: null };
  socket.on('message', (text) => {
    const message: Message = JSON.parse(String(text));
    follower.messages.push(message);
    follower.known = Math.max(follower.known, Number(message.seq ?? 0));
  });
  socket.on('close', (code) => {
    follower.ended = { code, at: performance.now() };
  });
  socket.on('error', () => {});
  await until('ready', () => follower.messages.find(({ ready }) => ready) ?? null);
  socket.send(JSON.stringify({ subscribe: topics }));
  for (const topic of topics) await until(topic, () => follower.messages.find((m) => m.subscribed === topic) ?? null);
  return follower;
}

const resident = ({ pid }: ServerProcess): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

async function person(beside: Beside, name: string, superadmin = false) {
  const email = `${name}@example.com`;
  const { id } = await beside.app.setup.createUser(SYSTEM_CALLER, { email, password: PASSWORD, superadmin });
  const { accessToken } = await createClient(beside).login({ email, password: PASSWORD });
  return { id, accessToken };
}

const databases = testDatabases().filter(({ name }) => name === 'sqlite' || name === 'postgres');

for (const database of databases) {
  test(`${database.name}: ${SOCKETS} sockets take less than ${MEMORY / 1e6} MB, and all end within a second of their sessions on the other instance`, () =>
    withPair(database, async ([here, there], beside) => {
      const people = [];
      for (let n = 0; n < SOCKETS / PER_PERSON; n++) people.push(await person(beside, `person${n}`));
      const boss = await person(beside, 'boss', true);
      const before = resident(here);
      const followers: Follower[] = [];
      for (const { accessToken } of people) {
        followers.push(
          ...(await Promise.all(Array.from({ length: PER_PERSON }, () => open(here, accessToken, ['me'])))),
        );
      }
      await sleep(2000);
      const grown = resident(here) - before;
      console.log(`${database.name}: ${(grown / 1e6).toFixed(1)} MB for ${SOCKETS} sockets`);
      assert.ok(grown < MEMORY, `${grown} octets`);

      const started = performance.now();
      const response = await fetch(`http://127.0.0.1:${there.port}/api/v1/admin/users/bulk`, {
        method: 'POST',
        headers: { authorization: `Bearer ${boss.accessToken}`, 'content-type': 'application/json' },
        body: JSON.stringify({ action: 'deactivate', ids: people.map(({ id }) => id) }),
      });
      assert.ok(response.status < 300, `${response.status} ${await response.text()}`);
      const revoked = performance.now();
      await until('all have ended', () => followers.every(({ ended }) => ended !== null) || null);
      const slowest = Math.max(...followers.map(({ ended }) => ended?.at ?? Infinity)) - revoked;
      console.log(
        `${database.name}: the last one ended ${slowest.toFixed(0)} ms after the answer, which took ${(revoked - started).toFixed(0)} ms`,
      );
      assert.deepEqual([...new Set(followers.map(({ ended }) => ended?.code))], [4403]);
      assert.ok(slowest < REVOCATION, `${slowest} ms`);
    }));

  test(`${database.name}: ${EVENTS} events of another instance to ${SUBSCRIBERS} subscribers: none lost but where it is said, each once, of each record in order`, () =>
    withPair(database, async ([here], beside) => {
      const bosses: { accessToken: string }[] = [];
      for (let n = 0; n < 2; n++) bosses.push(await person(beside, `boss${n}`, true));
      const followers = await Promise.all(
        Array.from({ length: SUBSCRIBERS }, (_, n) => open(here, bosses[n % 2]?.accessToken ?? '', ['events'])),
      );
      const records = Array.from({ length: 100 }, (_, n) => `note:${n}`);
      const started = performance.now();
      await Promise.all(
        records.map(async (target) => {
          for (let seq = 1; seq <= EVENTS / records.length; seq++) {
            assert.equal(await beside.app.storage.events.record(draft(target), seq), true);
          }
        }),
      );
      const written = performance.now() - started;
      const notes = ({ messages }: Follower) => messages.filter(({ kind }) => kind === 'note.written');
      await until('all have come', () => followers.every(({ known }) => known >= EVENTS) || null);
      const told = followers.map((follower) => notes(follower).length);
      console.log(`${database.name}: each was told ${Math.min(...told)} to ${Math.max(...told)} hints`);
      console.log(
        `${database.name}: written in ${written.toFixed(0)} ms, all told ${(performance.now() - started - written).toFixed(0)} ms later`,
      );
      for (const follower of followers) {
        const hints = notes(follower);
        assert.equal(new Set(hints.map(({ target, version }) => `${target} ${version}`)).size, hints.length);
        // Each number is told, or lies before one up to which it is said that hints are missing.
        let next: number | null = null;
        for (const message of follower.messages.filter(
          ({ topic, resync }) => topic !== undefined || resync !== undefined,
        )) {
          const seq = Number(message.seq);
          assert.ok(
            next === null || (message.resync === undefined ? seq === next : seq >= next - 1),
            `${next}, ${JSON.stringify(message)}`,
          );
          next = seq + 1;
        }
        for (const target of records.slice(0, 5)) {
          const versions = hints.filter((hint) => hint.target === target).map(({ version }) => Number(version));
          assert.deepEqual(
            versions,
            versions.toSorted((a, b) => a - b),
            target,
          );
        }
      }
      for (const { socket } of followers) socket.terminate();
    }));
}

function draft(target: string): EventDraft {
  const nobody = { userId: null, actorId: null, ip: null, requestId: null, device: null };
  const at = new Date();
  return {
    id: newId(at),
    type: 'note.written',
    version: 1,
    target,
    at,
    data: {},
    pending: false,
    evicts: false,
    ...nobody,
  };
}
