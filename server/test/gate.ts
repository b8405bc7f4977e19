import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP relay in front of a server, which can be shut and opened again. */
export interface Gate {
  /** The same URL, but through the gate. */
  url: string;
  shut(): Promise<void>;
  open(): Promise<void>;
}

/** Opens a gate on a free port of this machine, in front of the server that `url` names. */
export async function openGate(url: string): Promise<Gate> {
  const through = new URL(url);
  const { hostname, port } = through;
  const sockets = new Set<Socket>();
  let isShut = false;
  const server = createServer((inside) => {
    // Accepted before the gate was shut, but told of only now.
    if (isShut) return inside.destroy();
    const outside = connect(Number(port), hostname);
    for (const socket of [inside, outside]) {
      sockets.add(socket);
      socket
        .on('error', () => {})
        .on('close', () => {
          sockets.delete(socket);
          inside.destroy();
          outside.destroy();
        });
    }
    inside.pipe(outside).pipe(inside);
  });
  const listen = async (at: number) => {
    server.listen(at, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const address = server.address() as AddressInfo;
  through.hostname = '127.0.0.1';
  through.port = String(address.port);
  return {
    url: through.href,
    async shut() {
      if (!server.listening) return;
      isShut = true;
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    async open() {
      isShut = false;
      if (!server.listening) await listen(address.port);
    },
  };
}
