import { Agent, createServer, get, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A balancer in front of servers on this machine, as simple as one can be: it tries nothing twice. */
export interface Balancer {
  port: number;
  isReady(port: number): boolean;
  close(): Promise<void>;
}

/** How often each server is asked whether it is ready. Milliseconds. */
const POLL = 50;

/** Sends requests to those of the servers on `ports` in turn that said last that they are ready; keeps its connections to them. */
export async function startBalancer(ports: number[]): Promise<Balancer> {
  const agent = new Agent({ keepAlive: true });
  const ready = new Set<number>();
  const stop = new AbortController();
  let turn = 0;

  const server = createServer((incoming, outgoing) => {
    const able = [...ready].sort((a, b) => a - b);
    turn += 1;
    const port = able[turn % able.length];
    if (port === undefined) return void outgoing.writeHead(502).end();
    const { method, url: path, headers } = incoming;
    const onward = request({ agent, host: '127.0.0.1', port, method, path, headers }, (answer) => {
      // Its connections are its own affair (RFC 9110, 7.6.1).
      const { connection: _, ...rest } = answer.headers;
      outgoing.writeHead(answer.statusCode ?? 0, rest);
      answer.pipe(outgoing);
    });
    onward.on('error', (error) =>
      outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(502, { 'x-error': error.message }).end(),
    );
    incoming.pipe(onward);
  });

  async function poll(port: number): Promise<void> {
    while (!stop.signal.aborted) {
      if (await saysReady(port)) ready.add(port);
      else ready.delete(port);
      await sleep(POLL, undefined, { signal: stop.signal }).catch(() => {});
    }
  }
  const polls = ports.map(poll);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    port: (server.address() as AddressInfo).port,
    isReady: (port) => ready.has(port),
    async close() {
      stop.abort();
      await Promise.all(polls);
      server.closeAllConnections();
      server.close();
      agent.destroy();
    },
  };
}

function saysReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const call = get({ agent: false, host: '127.0.0.1', port, path: '/ready', timeout: 2000 }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode === 200));
    });
    call.on('timeout', () => call.destroy()).on('error', () => resolve(false));
  });
}
