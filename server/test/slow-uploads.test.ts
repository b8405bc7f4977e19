import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ok } from './client.ts';
import { createWorld } from './matrix/world.ts';
import { type FileScene, withFileScene } from './storages.ts';

const PATIENCE = 1000;
const CHUNK = Buffer.alloc(64 * 1024, 'x');

/** A request whose body comes when the test says so. */
async function open(s: FileScene, url: string, headers: Record<string, string>) {
  const { host, port, pathname, search } = new URL(s.addressOf(url));
  const socket = connect(Number(port), '127.0.0.1');
  await once(socket, 'connect');
  let said = '';
  socket.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  socket.on('error', () => {});
  const closed = once(socket, 'close');
  const fields = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`PUT ${pathname}${search} HTTP/1.1\r\n${fields.join('')}\r\n`);
  return { socket, closed, said: () => said };
}

/** Sends so many chunks, each after a third of the patience. */
async function trickle(socket: Socket, chunks: number): Promise<void> {
  for (let sent = 0; sent < chunks && !socket.destroyed; sent++) {
    socket.write(CHUNK);
    await pause(PATIENCE / 3);
  }
}

test('a file may take longer than any other request while it flows, and is cut off when it stops', () =>
  withFileScene(
    { name: 'a folder', s3: null },
    async (s) => {
      const w = { ...s, ...(await createWorld(s)) };
      const announce = async (size: number) => {
        const body = { filename: 'a', contentType: 'text/plain', size };
        return ok<{ file: { id: string }; upload: { url: string } }>(
          await w.client.send('POST', '/files', { token: w.root, body }),
          201,
        );
      };
      const headersOf = (size: number) => ({ 'content-type': 'text/plain', 'content-length': String(size) });
      const chunks = 8;
      const size = CHUNK.length * chunks;
      const [flowing, stopping, gone] = [await announce(size), await announce(size), await announce(size)];
      const slow = await open(s, flowing.upload.url, headersOf(size));
      const stuck = await open(s, stopping.upload.url, headersOf(size));
      const left = await open(s, gone.upload.url, headersOf(size));
      // Nobody has found this one to be allowed anything.
      const stranger = await open(s, stopping.upload.url.replace(/.$/, ''), headersOf(size));
      stuck.socket.write(CHUNK);
      left.socket.write(CHUNK);
      left.socket.resetAndDestroy();
      const began = performance.now();
      await trickle(slow.socket, chunks);
      while (!slow.said().includes('\r\n\r\n')) await once(slow.socket, 'data');
      assert.match(slow.said(), /^HTTP\/1\.1 200 /);
      assert.ok(performance.now() - began > 2 * PATIENCE, 'it took longer than a request may take');
      assert.match(stranger.said(), /^HTTP\/1\.1 403 /);
      await Promise.all([stuck.closed, left.closed]);
      assert.equal(stuck.said(), '');
      slow.socket.destroy();
      stranger.socket.destroy();
      // The server is there all the same, and has nothing of the others.
      const done = await w.client.send('POST', `/files/${flowing.file.id}/complete`, { token: w.root });
      assert.equal(ok<{ status: string }>(done, 200).status, 'ready');
      await w.work();
      assert.equal((await s.objects.bucket()).objects, 1);
    },
    { REQUEST_TIMEOUT: `${PATIENCE}ms` },
  ));
