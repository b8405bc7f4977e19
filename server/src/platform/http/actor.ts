import type { FastifyRequest } from 'fastify';
import { platformErrors } from '../errors.ts';
import { isSessionActor, type SessionActor } from './caller.ts';

/**
 * The person who calls a route that admits sessions only. Throws `unauthenticated` where the route's guard lets in callers without a
 * credential, and `credential_refused` where it lets in machines.
 */
export function actorOf({ actor }: FastifyRequest): SessionActor {
  if (actor === null) throw platformErrors.unauthenticated();
  if (!isSessionActor(actor)) throw platformErrors.credential_refused();
  return actor;
}

/** The subject that calls, a person or a machine. Throws `unauthenticated` where the route's guard lets in callers without a credential. */
export function subjectIdOf({ actor }: FastifyRequest): string {
  if (actor === null) throw platformErrors.unauthenticated();
  return actor.subject.id;
}
