import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';
import { systemClock } from '../../platform/clock.ts';
import type { Actor } from '../../platform/http/caller.ts';
import { createRouteCatalogue } from '../../platform/http/catalogue.ts';
import { createConnection } from '../../platform/websocket/connection.ts';
import { type Client, createClient } from './client.ts';
import { createHub, type Hub } from './hub.ts';
import type { Hint, ServerMessage } from './messages.ts';
import { createTopics } from './topics.ts';

const ACTOR: Actor = {
  subject: { kind: 'person', id: 'ada' },
  via: { kind: 'session', id: 'session', clientId: 'ostiary', expiresAt: Date.now() + 3_600_000 },
  userId: 'ada',
  sessionId: 'session',
  sessionEpoch: 0,
  emailVerified: true,
  roleIds: [],
  organizationId: null,
  scopes: null,
  assurance: { aal: 1, phishingResistant: false, authTime: new Date(), methods: ['password'] },
  actingFor: null,
};

/** A client of a real WebSocket that follows its own topic, and how its server sees it. */
async function open(t: TestContext) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  t.after(() => server.close());
  const hub = createHub();
  const topics = createTopics([{ name: 'me', permission: null }], {
    catalogue: createRouteCatalogue(),
    authorize: () => 'not_granted',
  });
  let client: Client | undefined;
  let buffered = () => 0;
  server.on('connection', (socket) => {
    const connection = createConnection(socket, {
      onMessage: (message) => client?.receive(message),
      onClose: () => client?.end(),
    });
    buffered = () => socket.bufferedAmount;
    const actorOf = async () => ACTOR;
    client = createClient(connection, {
      actorOf,
      topics,
      hub,
      onSignedIn: () => true,
      onTopics() {},
      clock: systemClock,
    });
  });
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.after(() => socket.terminate());
  const messages: ServerMessage[] = [];
  socket.on('message', (text) => messages.push(JSON.parse(String(text))));
  await once(socket, 'open');
  socket.send(JSON.stringify({ authenticate: 'a token' }));
  socket.send(JSON.stringify({ subscribe: ['me'] }));
  const until = async (isThere: () => boolean) => {
    for (let looks = 0; !isThere(); looks++) {
      assert.ok(looks < 2000, 'within 20 s');
      client?.look();
      await sleep(10);
    }
  };
  await until(() => messages.some((message) => 'subscribed' in message));
  return { hub, socket, messages, until, buffered: () => buffered() };
}

const MANY = 200_000;

function publish(hub: Hub, count: number): void {
  const at = new Date();
  for (let n = 0; n < count; n++) hub.publish('me:ada', { kind: 'note.written', target: 'note:1', version: n, at });
}

test('a client that reads nothing costs a bounded buffer, and is told to read anew once it reads', async (t) => {
  const { hub, socket, messages, until, buffered } = await open(t);
  socket.pause();
  for (let round = 0; round < 20; round++) {
    publish(hub, MANY / 20);
    assert.ok(buffered() < 300_000, `${buffered()} octets wait`);
    await sleep(1);
  }
  socket.resume();
  await until(() => messages.some((message) => 'resync' in message));
  const resync = messages.find((message) => 'resync' in message);
  assert.deepEqual(resync, { resync: 'me', seq: MANY });
  const hints = () => messages.filter((message): message is Hint => 'topic' in message);
  assert.ok(hints().length < MANY, `${hints().length} were sent`);
  // What was sent has no gap but the one that it was told of.
  assert.deepEqual(
    hints().map(({ seq }) => seq),
    hints().map((_, index) => index + 1),
  );
  publish(hub, 1);
  await until(() => hints().at(-1)?.seq === MANY + 1);
});

test('a client that reads loses nothing', async (t) => {
  const { hub, messages, until } = await open(t);
  const seqs = () => messages.flatMap((message) => ('topic' in message ? message.seq : []));
  for (let round = 1; round <= 50; round++) {
    publish(hub, 200);
    await until(() => seqs().length === round * 200);
  }
  assert.deepEqual(
    seqs(),
    Array.from({ length: 10_000 }, (_, index) => index + 1),
  );
});
