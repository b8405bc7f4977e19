import type { RouteHandlerMethod } from 'fastify';
import { createKeyedQueue } from '../keyed-queue.ts';
import { rateLimited } from './limits.ts';

/**
 * Writes of an account that run at a time in this process; others of it wait for them. One token may send hundreds at once, which would
 * take every connection to the database, and the sign-ins of everybody else would wait.
 */
const writes = createKeyedQueue({ concurrency: 4, waiting: 200, patience: 30_000, full: () => rateLimited(1000) });

/**
 * A handler that lets an account have few requests under way. It has the body by then: a slow sender holds no place, and a place is held until the
 * work is done, also where the client has gone. Rejects with `rate_limited`.
 */
export function boundWrites(handler: RouteHandlerMethod): RouteHandlerMethod {
  return async function bounded(request, reply) {
    const { actor } = request;
    const work = async () => handler.call(this, request, reply);
    return actor === null ? work() : writes.run(actor.subject.id, work);
  };
}
