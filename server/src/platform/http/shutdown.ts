import { Server as NetServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND } from '../clock.ts';
import type { HttpServer } from './routes.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** `announced`: readiness is red. `now`: the server is shutting down; it finishes what it has and takes nothing more. */
    draining: { announced: boolean; now: boolean };
  }
}

/** How long idle connections may still bring the request that was on its way when the shutdown began. Milliseconds. */
const LAST_REQUESTS = SECOND / 2;
const POLL = 20;

/** From the moment of the shutdown every answer says `Connection: close`, so that clients send nothing more after it. */
export function closeWhenDraining(app: HttpServer): void {
  const { draining } = app;
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (draining.now) reply.header('connection', 'close');
    done();
  });
  app.addHook('preClose', (done) => {
    draining.now = true;
    done();
  });
}

/**
 * Shuts down without losing a request that was accepted: readiness turns red; `delay` milliseconds later, when balancers have noticed, no
 * new connection is taken, every request on the open ones is answered (within `grace` milliseconds), then what is idle is closed,
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
  app.draining.now = true;
  // `http.Server.close()` also destroys idle connections, and with them a request that is just arriving on one.
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
