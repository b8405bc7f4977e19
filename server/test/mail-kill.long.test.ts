import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import PostalMime from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import { codeIn, createClient, ok } from './client.ts';
import { testDatabases } from './databases.ts';
import { createRandom } from './fuzz/random.ts';
import { createHttpClient } from './kill/http-client.ts';
import { openBeside } from './kill/people.ts';
import { type ServerProcess, serverEnv, withServers } from './kill/server-process.ts';

const KILLS = 8;
/** Registrations at a time, and how many are answered between a start and the next kill, at most. */
const NEWCOMERS = 8;
const REGISTRATIONS = 30;
/** Mails that one process sends at a time. */
const UNDER_WAY = 4;
/** Milliseconds that the mail server takes over a mail, so that a kill finds some under way. */
const SLOWNESS = 30;
/** The claim of a worker that was killed (10 s), that of a relay (15 s), and what comes after them; milliseconds. */
const DELIVERY_LIMIT = 90_000;
const TEST_LIMIT = 600_000;

interface Letter {
  to: string;
  id: string;
  text: string;
}

/** A slow SMTP server that outlives those who send to it, and keeps what it took. */
async function openPostOffice() {
  const taken: Letter[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 50,
    logger: false,
    async onData(stream, { envelope }, callback) {
      const raw = await buffer(stream).catch(() => null);
      // Its sender was killed in the middle.
      if (raw === null) return callback();
      const { messageId, text } = await PostalMime.parse(raw);
      const to = envelope.rcptTo.map(({ address }) => address).join();
      taken.push({ to, id: String(messageId), text: text ?? '' });
      // From here on it counts as delivered; its sender does not know that yet.
      await sleep(SLOWNESS);
      callback();
    },
  });
  server.on('error', () => {});
  const listener = server.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const close = () => new Promise<void>((resolve) => server.close(resolve));
  return { taken, url: `smtp://127.0.0.1:${port}`, close };
}

for (const { name, emptyUrl } of testDatabases()) {
  test(`a server that is killed ${KILLS} times right after its answers delivers every mail that it promised (${name})`, {
    timeout: TEST_LIMIT,
  }, async (t) => {
    const { taken, url: smtpUrl, close } = await openPostOffice();
    const { url, drop } = await emptyUrl();
    try {
      await withServers(async (dir, startServer) => {
        const mail = { SMTP_URL: smtpUrl, MAIL_FROM: 'accounts@shop.example' };
        const start = (port: number) => startServer({ env: serverEnv(dir, url, { PORT: String(port), ...mail }), dir });
        let server: ServerProcess = await start(0);
        const { port } = server;
        const random = createRandom(3, -1);
        /** Registration ids by address. */
        const promised = new Map<string, string>();
        const faults: string[] = [];

        /** Registers until the server is gone; an answer that is lost promises nothing. */
        async function newcomer(round: number, index: number, enough: () => boolean): Promise<void> {
          const http = createHttpClient(port);
          for (let i = 0; !enough(); i++) {
            const email = `newcomer-${round}-${index}-${i}@example.com`;
            const body = { email, password: 'walks the dog at seven' };
            const reply = await http.send('POST', '/auth/register', { body }).catch(() => null);
            if (reply === null) break;
            if (reply.status === 202) promised.set(email, String(reply.body.registrationId));
            else if (reply.status !== 503) faults.push(`${reply.status} ${JSON.stringify(reply.body)}`);
          }
          http.close();
        }

        for (let round = 0; round < KILLS; round++) {
          const goal = promised.size + 5 + random.int(REGISTRATIONS);
          const most = goal + NEWCOMERS;
          const coming = Promise.all(
            Array.from({ length: NEWCOMERS }, (_, index) => newcomer(round, index, () => promised.size >= most)),
          );
          // Every other time mails are under way already.
          const sent = taken.length + (round % 2 === 0 ? 0 : 1 + random.int(UNDER_WAY * 3));
          while ((promised.size < goal || taken.length < sent) && faults.length === 0) await sleep(1);
          assert.equal((await server.end('SIGKILL')).signal, 'SIGKILL');
          await coming;
          server = await start(port);
        }
        assert.deepEqual(faults, [], 'registrations that were refused');

        const owed = () => {
          const got = new Set(taken.map(({ to }) => to));
          return [...promised.keys()].filter((email) => !got.has(email));
        };
        const owedAtLast = owed().length;
        const end = performance.now() + DELIVERY_LIMIT;
        while (owed().length > 0 && performance.now() < end) await sleep(100);
        assert.deepEqual(owed(), [], 'promised and never sent');
        assert.equal((await server.end('SIGTERM')).code, 0);

        const idsOf = new Map<string, Set<string>>();
        for (const { to, id } of taken) idsOf.set(to, (idsOf.get(to) ?? new Set()).add(id));
        assert.ok(
          [...idsOf.values()].every(({ size }) => size === 1),
          'whatever came again has the same Message-ID',
        );
        const again = taken.length - idsOf.size;
        t.diagnostic(
          `${name}: ${promised.size} mails promised, ${owedAtLast} owed after the last kill, ${again} sent again`,
        );
        assert.ok(again <= KILLS * UNDER_WAY, `${again} sent again, by ${KILLS} kills with ${UNDER_WAY} under way`);

        const beside = await openBeside(url, dir);
        try {
          const api = createClient(beside);
          for (const [email, registrationId] of [...promised].slice(-5)) {
            const code = codeIn(taken.find(({ to }) => to === email)?.text);
            ok(await api.send('POST', '/auth/verify-email', { body: { registrationId, code } }), 200);
          }
        } finally {
          await beside.close();
        }
      });
    } finally {
      await close();
      await drop();
    }
  });
}
