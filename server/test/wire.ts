import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';

/** A connection between a server on this machine and its clients that can go dead without breaking. */
export interface Wire {
  port: number;
  /** What is connected now stays open, and carries nothing any more; new connections do. */
  deafen(): void;
  /** The same, and so does whatever connects from now on. */
  cut(): void;
  /** What the server answers comes so many milliseconds late, on all connections. */
  delay(milliseconds: number): void;
  /** What is dead breaks at last; new connections carry again. */
  mend(): void;
  close(): Promise<void>;
}

export async function openWire(target: number): Promise<Wire> {
  const ends = new Set<Socket>();
  let isCut = false;
  let late = 0;

  function deafen(): void {
    for (const end of ends) {
      end.unpipe();
      end.removeAllListeners('close').removeAllListeners('data').resume();
    }
  }

  const server = createServer((near) => {
    if (isCut) {
      ends.add(near.on('error', () => {}).resume());
      return;
    }
    const far = dial(target, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(from);
      from.on('error', () => {}).on('close', () => to.destroy());
      if (from === near) from.pipe(to);
      else from.on('data', (bytes) => (late > 0 ? setTimeout(() => to.write(bytes), late) : to.write(bytes)));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    deafen,
    delay(milliseconds) {
      late = milliseconds;
    },
    cut() {
      isCut = true;
      deafen();
    },
    mend() {
      isCut = false;
      for (const end of ends) end.destroy();
      ends.clear();
    },
    async close() {
      for (const end of ends) end.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
