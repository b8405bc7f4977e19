import { Server as NetServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../clock.ts';
import type { HttpServer } from './routes.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** `announced`: the readiness check fails. `now`: the server finishes its requests and accepts no more. */
    draining: {
      announced: boolean;
      now: boolean;
      /** Ends what would go on, such as WebSockets. */
      whenNow: (() => void)[];
    };
  }
}

/** Milliseconds in which a request that was on its way can still arrive on an idle connection. */
const LAST_REQUESTS = SECOND / 2;
const POLL = 20;

function beginDraining({ draining }: HttpServer): void {
  if (draining.now) return;
  draining.now = true;
  for (const end of draining.whenNow) end();
}

/** From the shutdown on, every answer says `Connection: close`, so that clients send no further request. */
export function closeWhenDraining(app: HttpServer): void {
  const { draining } = app;
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (draining.now) reply.header('connection', 'close');
    done();
  });
  app.addHook('preClose', (done) => {
    beginDraining(app);
    done();
  });
}

/**
 * Shuts down without losing an accepted request: the readiness check fails; after `delay` milliseconds, when load balancers have noticed, no
 * new connection is accepted, every request on open connections is answered (within `grace` milliseconds), idle connections are closed,
 * and `app.close()` runs.
 */
export async function shutDown(
  app: HttpServer,
  { grace, delay = 0 }: { grace: number; delay?: number },
): Promise<void> {
  const { server } = app;
  app.draining.announced = true;
  if (delay > 0) await sleep(delay);
  const started = performance.now();
  const elapsed = () => performance.now() - started;
  beginDraining(app);
  // `http.Server.close()` also destroys idle connections, together with a request that is just arriving on one.
  if (server.listening) NetServer.prototype.close.call(server);
  while ((await connections(app)) > 0 && elapsed() < grace) {
    if (elapsed() > Math.min(LAST_REQUESTS, grace)) server.closeIdleConnections();
    await sleep(POLL);
  }
  server.closeAllConnections();
  await app.close();
}

function connections({ server }: HttpServer): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}
