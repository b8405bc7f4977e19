import type { FastifyRequest } from 'fastify';
import { platformErrors } from '../errors.ts';
import type { Actor } from './caller.ts';

/** The caller of a route whose guard admits nobody without a session. Throws `unauthenticated` where that guard is missing. */
export function actorOf(request: FastifyRequest): Actor {
  if (!request.actor) throw platformErrors.unauthenticated();
  return request.actor;
}
