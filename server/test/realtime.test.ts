import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from 'typebox';
import { serverMessage } from '../src/modules/realtime/messages.ts';
import { createTopics } from '../src/modules/realtime/topics.ts';
import { MINUTE } from '../src/platform/clock.ts';
import { createRouteCatalogue } from '../src/platform/http/catalogue.ts';
import { faultsOf } from '../src/platform/queue/check-args.ts';
import { defineJob } from '../src/platform/queue/define-job.ts';
import { topicOf } from '../src/platform/websocket/topic.ts';
import { admin, holder, withWorld } from './administration.ts';
import { openTestApp } from './app.ts';
import { testDatabases } from './databases.ts';
import { member, signIn } from './matrix/world.ts';
import { somebody } from './scenario.ts';
import { until } from './until.ts';
import { connectWs, follow, listen, type WsClient } from './ws-client.ts';

const EVENTS = 'GET:/api/v1/admin/events';
const USERS = 'GET:/api/v1/admin/users';

describe('who may connect', () => {
  test('a token in the handshake or in the first message is a session; nothing else is answered', () =>
    withWorld(async (w) => {
      const { token } = await member(w);
      const inHandshake = await connectWs(w.app, { token });
      const { ready } = await inHandshake.next({});
      assert.ok(ready);
      assert.equal(inHandshake.socket.protocol, 'ostiary.v1');

      const inMessage = await connectWs(w.app);
      inMessage.send({ authenticate: token });
      assert.ok((await inMessage.next({})).ready);

      for (const bad of ['garbage', `${token}x`, token.replace(/.$/, ''), '', `${token.split('.')[0]}..`]) {
        const client = await connectWs(w.app);
        client.send({ authenticate: bad });
        assert.equal(await client.closed, 4401, bad);
        assert.deepEqual(client.messages, []);
      }
      const eager = await connectWs(w.app);
      eager.send({ subscribe: ['me'] });
      assert.equal(await eager.closed, 4401);
    }));

  test('a handshake is refused from pages of other origins, for other hosts, and where nobody asked for it', () =>
    withWorld(
      async (w) => {
        const { token } = await member(w);
        const ours = await connectWs(w.app, { token, headers: { origin: 'http://localhost:8000' } });
        assert.ok((await ours.next({})).ready);
        for (const origin of [
          'https://evil.example',
          'null',
          'http://localhost:8000.evil.example',
          'http://localhost',
        ]) {
          await assert.rejects(connectWs(w.app, { token, headers: { origin } }), /status 403/, origin);
        }
        await assert.rejects(connectWs(w.app, { token, headers: { host: 'evil.example' } }), /status 400/);
        await assert.rejects(connectWs(w.app, { token, path: '/api/v1/users/me' }), /status 401/);
        await assert.rejects(connectWs(w.app, { token, path: '/api/v1/nowhere' }), /status 404/);
        const plain = await fetch(`http://127.0.0.1:${await listen(w.app)}/api/v1/ws`);
        assert.equal(plain.status, 426);
        assert.equal(((await plain.json()) as { code: string }).code, 'upgrade_required');
        // As clients of HTTP/2 ask with every request.
        const port = await listen(w.app);
        assert.match(
          await raw(port, `GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`),
          /^HTTP\/1.1 200 /,
        );
      },
      { env: { TRUSTED_HOSTS: 'localhost,127.0.0.1' } },
    ));

  test('a person has so many connections and no more; an address so many that show nothing', () =>
    withWorld(async (w) => {
      const { token } = await member(w);
      const own = await Promise.all(Array.from({ length: 50 }, () => follow(w.app, token)));
      assert.equal(await (await connectWs(w.app, { token })).closed, 4429);
      own[0]?.socket.close();
      await own[0]?.closed;
      await until('room', async () => follow(w.app, token).catch(() => null));

      const strangers = await Promise.all(Array.from({ length: 100 }, () => connectWs(w.app)));
      assert.equal(await (await connectWs(w.app)).closed, 4429);
      assert.ok(strangers.every(({ socket }) => socket.readyState === socket.OPEN));
      strangers[0]?.socket.close();
      await strangers[0]?.closed;
      await until('room', async () => {
        const next = await connectWs(w.app, { token: (await member(w)).token });
        return next.next({}).catch(() => null);
      });
    }));

  test('an office whose pages all come back to an instance that knows none of them is let in, beside strangers', () =>
    withWorld(async (w) => {
      const tokens: string[] = [];
      for (let n = 0; n < 130; n++) tokens.push((await member(w)).token);
      const cold = await openTestApp({ databaseUrl: w.databaseUrl, time: w.time });
      try {
        const strangers = await Promise.all(Array.from({ length: 100 }, () => connectWs(cold.app)));
        await Promise.all(tokens.map((token) => follow(cold.app, token)));
        assert.ok(strangers.every(({ socket }) => socket.readyState === socket.OPEN));
      } finally {
        await cold.close();
      }
    }));
});

describe('what is told', () => {
  for (const { name, freshUrl } of testDatabases()) {
    test(`${name}: committed events, in order, numbered, by the schema; to those who may read them`, () =>
      withWorld(
        async (w) => {
          const reader = await holder(w, [EVENTS, USERS]);
          const client = await follow(w.app, reader.token, ['events', 'users', 'me']);
          const made = await member(w);
          const first = await client.next({ topic: 'users', target: `user:${made.userId}`, kind: 'user.created' });
          assert.equal(first.version, 1);
          for (const fullName of ['One', 'Two', 'Three']) {
            assert.equal(
              (await w.client.send('PATCH', '/users/me', { token: made.token, body: { fullName } })).statusCode,
              200,
            );
          }
          const later = [];
          for (let version = 2; version <= 4; version++) {
            later.push(await client.next({ topic: 'users', target: `user:${made.userId}`, version }));
          }
          const numbers = [first, ...later].map(({ seq }) => Number(seq));
          assert.deepEqual(
            numbers,
            numbers.toSorted((a, b) => a - b),
          );
          await client.next({ topic: 'events', kind: 'session.started' });

          // The own topic tells what is about oneself only.
          await signIn(w, reader);
          await client.next({ topic: 'me', kind: 'session.started' });
          assert.ok(!client.messages.some(({ topic, target }) => topic === 'me' && target === `user:${made.userId}`));
          for (const message of client.messages)
            assert.deepEqual(faultsOf(serverMessage, message), [], JSON.stringify(message));
        },
        { freshUrl },
      ));
  }

  test('a topic asks for the permission of its route, again when roles change, and ends with a reason', () =>
    withWorld(async (w) => {
      const reader = await holder(w, [EVENTS]);
      const client = await follow(w.app, reader.token, ['events']);
      client.send({
        subscribe: ['users', 'nothing', 'user:no-id', 'events:x', 'me:x', '__proto__', `user:${reader.userId}`],
      });
      assert.equal((await client.next({ refused: 'users' })).code, 'forbidden');
      for (const refused of ['nothing', 'user:no-id', 'events:x', 'me:x', '__proto__']) {
        assert.equal((await client.next({ refused })).code, 'not_found', refused);
      }
      assert.equal((await client.next({ refused: `user:${reader.userId}` })).code, 'forbidden');

      await admin(w, 'PATCH', `/roles/${reader.roleId}`, { permissions: [USERS] });
      assert.equal((await client.next({ refused: 'events' })).code, 'forbidden');
      const before = client.messages.length;
      await member(w);
      await sleep(100);
      assert.equal(client.messages.slice(before).filter(({ topic }) => topic === 'events').length, 0);
      client.send({ subscribe: ['users'] });
      await client.next({ subscribed: 'users' });
    }));

  test('a topic that stands for no route, or has the name of another, stops the start', () => {
    const deps = { catalogue: createRouteCatalogue(), authorize: () => 'granted' as const };
    assert.throws(() => createTopics([topicOf('sites', 'GET:/api/v1/sites', 'site')], deps), /sites stands for GET/);
    const own = { name: 'me', permission: null };
    assert.throws(() => createTopics([own, own], deps), /Two topics have the name me/);
  });

  test('whoever comes back hears what they missed, or that they must read anew', () =>
    withWorld(async (w) => {
      const { token } = await holder(w, [USERS]);
      const first = await connectWs(w.app, { token });
      const { ready } = await first.next({});
      const { stream } = ready as { stream: string };
      first.send({ subscribe: ['users'] });
      await first.next({ subscribed: 'users' });
      await member(w);
      const seen = await first.next({ topic: 'users' });
      const other = await follow(w.app, token, ['users']);
      first.socket.close();
      await first.closed;
      const made = await member(w);
      await other.next({ topic: 'users', target: `user:${made.userId}`, kind: 'user.created' });

      const again = await follow(w.app, token);
      again.send({ subscribe: ['users'], since: { users: seen.seq }, stream });
      const { seq } = await again.next({ subscribed: 'users' });
      await again.next({ topic: 'users', target: `user:${made.userId}`, kind: 'user.created' });
      for (const [since, which] of [
        [seq, 'another'],
        [Number(seq) + 1000, stream],
      ] as const) {
        again.send({ subscribe: ['users'], since: { users: since }, stream: which });
        await again.next({ resync: 'users' });
      }
    }));

  test('jobs and queues: what changes, with progress', async () => {
    const { promise: isDone, resolve: finish } = Promise.withResolvers<void>();
    const slow = defineJob({
      name: 'slow',
      schema: Type.Object({}, { additionalProperties: false }),
      async run(_args, { progress }) {
        progress(40);
        await isDone;
      },
    });
    await withWorld(
      async (w) => {
        const { token } = await holder(w, ['GET:/api/v1/admin/jobs', 'GET:/api/v1/admin/queues']);
        const client = await follow(w.app, token, ['jobs', 'queues']);
        await sleep(1200);
        const id = await w.app.jobs.enqueue('slow', {});
        await client.next({ topic: 'queues', target: 'queue:slow', kind: 'changed' });
        await client.next({ topic: 'jobs', target: `job:${id}`, kind: 'progress', progress: 40 });
        finish();
        await client.next({ topic: 'jobs', target: `job:${id}`, kind: 'completed' });
      },
      { jobs: (jobs) => jobs.register(slow) },
    );
  });

  test('the development mailbox: what arrives', () =>
    withWorld(async (w) => {
      const { token } = await member(w);
      const client = await follow(w.app, token, ['mailbox']);
      await sleep(1200);
      await w.client.send('POST', '/auth/register', { body: somebody() });
      await w.work();
      const { target } = await client.next({ topic: 'mailbox', kind: 'sent' });
      const answer = await w.app.http.inject({ url: '/dev/mailbox', headers: { accept: 'application/json' } });
      assert.ok(answer.json().some(({ id }: { id: string }) => target === `mail:${id}`));
    }));
});

describe('when it ends', () => {
  const ENDINGS: Record<
    string,
    (w: Parameters<Parameters<typeof withWorld>[0]>[0], m: Awaited<ReturnType<typeof member>>) => Promise<unknown>
  > = {
    'a sign-out': (w, { token }) => w.client.send('POST', '/auth/logout', { token, body: {} }),
    'the end of the session by its person': (w, { token, sessionId }) =>
      w.client.send('DELETE', `/sessions/${sessionId}`, { token }),
    'a deactivation': (w, { userId }) => admin(w, 'POST', `/users/${userId}/deactivate`, {}),
    'the end of all sessions': (w, { userId }) => admin(w, 'DELETE', `/users/${userId}/sessions`),
  };
  for (const [name, end] of Object.entries(ENDINGS)) {
    test(`with ${name}, within a second, also on another instance that shares only the database`, async () => {
      const postgres = testDatabases().find((each) => each.name === 'postgres');
      const { freshUrl } = postgres ?? testDatabases({})[0] ?? assert.fail();
      await withWorld(
        async (w) => {
          const second = await openTestApp({ databaseUrl: w.databaseUrl, time: w.time });
          try {
            const person = await member(w);
            const bystander = await follow(second.app, (await member(w)).token);
            const there = await follow(second.app, person.token, ['me']);
            const here = await follow(w.app, person.token, ['me']);
            const started = performance.now();
            await end(w, person);
            assert.deepEqual(await Promise.all([here.closed, there.closed]), [4403, 4403]);
            const took = performance.now() - started;
            assert.ok(took < 5000, `${took} ms, on a busy machine`);
            assert.equal(bystander.socket.readyState, bystander.socket.OPEN);
          } finally {
            await second.close();
          }
        },
        { freshUrl },
      );
    });
  }

  test('a token runs out with its connection, unless a new one of the same session comes first', () =>
    withWorld(
      async (w) => {
        const person = await member(w);
        const other = await member(w);
        const lapses = await follow(w.app, person.token);
        const goesOn = await follow(w.app, person.token);
        const taken = await follow(w.app, person.token);
        w.time.forward(1000);
        const { accessToken } = await w.client.login(person);
        goesOn.send({
          authenticate: (
            await w.client.send('POST', '/auth/reauthenticate', {
              token: person.token,
              body: { password: person.password },
            })
          ).json().accessToken,
        });
        await until('a second answer', () => goesOn.messages.find(({ ready }) => ready !== undefined) ?? null);
        taken.send({ authenticate: other.token });
        assert.equal(await taken.closed, 4401, 'another person');
        const moved = await follow(w.app, person.token);
        moved.send({ authenticate: accessToken });
        assert.equal(await moved.closed, 4401, 'another session');
        w.time.forward(59_500);
        assert.equal(await lapses.closed, 4401, 'it ran out');
        assert.equal(goesOn.socket.readyState, goesOn.socket.OPEN);
        w.time.forward(1000);
        assert.equal(await goesOn.closed, 4401, 'it ran out, too');
      },
      { env: { ACCESS_TOKEN_TTL: '60s' } },
    ));

  test('the server stops: every client is told to come again', async () => {
    let client: WsClient | undefined;
    await withWorld(async (w) => {
      client = await follow(w.app, (await member(w)).token);
    });
    assert.equal(await client?.closed, 1001);
  });
});

describe('hostile clients', () => {
  test('what is malformed, too large, binary or too much ends the connection with its code, and nothing else', () =>
    withWorld(async (w) => {
      const { token } = await member(w);
      const witness = await follow(w.app, token, ['me']);
      const cases: [string, number, (client: WsClient) => void][] = [
        ['no JSON', 4400, ({ send }) => send('{')],
        ['no message', 4400, ({ send }) => send({ unknown: 1 })],
        ['two messages in one', 4400, ({ send }) => send({ subscribe: ['me'], unsubscribe: ['me'] })],
        ['a list', 4400, ({ send }) => send([])],
        ['too many topics', 4400, ({ send }) => send({ subscribe: Array.from({ length: 51 }, (_, i) => `t${i}`) })],
        ['binary', 1003, ({ socket }) => socket.send(Buffer.from('{"subscribe":["me"]}'))],
        ['too large', 1009, ({ send }) => send(JSON.stringify({ authenticate: 'x'.repeat(20_000) }))],
        [
          'too large, in fragments',
          1009,
          ({ socket }) => {
            for (let i = 0; i < 40; i++) socket.send('x'.repeat(1000), { fin: i === 39 });
          },
        ],
        [
          'a flood',
          4429,
          ({ send }) => {
            for (let i = 0; i < 60; i++) send({ unsubscribe: ['me'] });
          },
        ],
        [
          'a flood of pings',
          4429,
          ({ socket }) => {
            for (let i = 0; i < 60; i++) socket.ping();
          },
        ],
      ];
      for (const [name, code, attack] of cases) {
        const client = await follow(w.app, token);
        attack(client);
        assert.equal(await client.closed, code, name);
      }
      await signIn(w, await member(w));
      assert.equal(witness.socket.readyState, witness.socket.OPEN);
    }));

  test('frames that RFC 6455 forbids: unmasked, reserved bits, unknown opcodes, long control frames; closed and cut', () =>
    withWorld(async (w) => {
      const port = await listen(w.app);
      const handshake = `GET /api/v1/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
      const frames: Record<string, number[]> = {
        unmasked: [0x81, 0x02, 0x7b, 0x7d],
        'a reserved bit': [0xc1, 0x82, 1, 2, 3, 4, 0x7b, 0x7d],
        'an unknown opcode': [0x83, 0x80, 1, 2, 3, 4],
        'a long ping': [0x89, 0xfe, 0x01, 0x00, 1, 2, 3, 4],
        'a continuation of nothing': [0x80, 0x80, 1, 2, 3, 4],
        'a length of 2^63': [0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4],
      };
      for (const [name, frame] of Object.entries(frames)) {
        const answer = await raw(port, handshake, Buffer.from(frame));
        assert.match(answer, /^HTTP\/1.1 101 /, name);
      }
      for (const bad of [
        handshake.replace('Version: 13', 'Version: 7'),
        handshake.replace('dGhlIHNhbXBsZSBub25jZQ==', 'short'),
      ]) {
        assert.match(await raw(port, bad), /^HTTP\/1.1 4\d\d /);
      }
      assert.equal((await fetch(`http://127.0.0.1:${port}/health`)).status, 200);
    }));
});

/** Sends octets, and answers what comes until the other side ends. */
function raw(port: number, ...parts: (string | Buffer)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
    socket.setTimeout(MINUTE, () => socket.destroy(new Error('the server does not end it')));
    for (const part of parts) socket.write(part);
    if (parts.length === 1) socket.end();
  });
}
