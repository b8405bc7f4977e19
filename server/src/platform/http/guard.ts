import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction, onRequestHookHandler } from 'fastify';
import { after, type Clock, MINUTE } from '../clock.ts';
import { type AppError, platformErrors } from '../errors.ts';
import type { Access, Actor, RoleAccess } from './caller.ts';
import type { CountActor, CountRequest } from './limits.ts';

/** How old a proof of the password may be on routes marked `fresh`. */
const FRESH_FOR = 10 * MINUTE;

type Done = HookHandlerDoneFunction;

export interface GuardRules {
  /** Becomes `request.template`. */
  template: string;
  /** What a role grants to admit here. */
  code: string;
  access: Access;
  fresh: boolean;
  /** Null: no limit. */
  count: CountRequest | null;
  /** Null: any host. */
  isOurHost: ((request: FastifyRequest) => boolean) | null;
  /** Header fields beyond those of every answer. */
  headers: Record<string, string> | null;
}

/** Whether an actor holds the permission with this code, or the roles; no promise where it is known at once. */
export type Authorize = (actor: Actor, need: { permission: string } | RoleAccess) => boolean | Promise<boolean>;

export interface GuardContext {
  clock: Clock;
  authorize: Authorize;
  authenticate: (request: FastifyRequest) => Actor | null | Promise<Actor | null>;
  /** Null: nobody is limited. */
  countActor: CountActor | null;
}

/**
 * One route's gate, in this order: host, limit of the client, credentials, limit of the account, its state, permission. It runs before the body is read.
 */
export function createGuard(rules: GuardRules, context: GuardContext): onRequestHookHandler {
  const { template, code, access, fresh, count, isOurHost, headers } = rules;
  const { clock, authenticate, authorize, countActor } = context;
  const need = access === 'permission' ? { permission: code } : typeof access === 'object' ? access : null;

  /** Why this caller may not come in; undefined if it may. */
  function refusal(actor: Actor | null): AppError | undefined {
    if (access === 'optional') return undefined;
    if (actor === null) return platformErrors.unauthenticated();
    if (access === 'verified' && !actor.emailVerified) return platformErrors.email_unverified();
    return undefined;
  }

  /** Last: who may not do it at all need not prove the password again to learn that. */
  const staleness = (actor: Actor | null) =>
    fresh && actor && !isFresh(actor, clock) ? platformErrors.reauth_required() : undefined;

  function welcome(request: FastifyRequest, actor: Actor | null, done: Done): void {
    request.actor = actor;
    if (actor === null || countActor === null) settle(actor, done);
    else countActor(actor).then(() => settle(actor, done), done);
  }

  function settle(actor: Actor | null, done: Done): void {
    const refused = refusal(actor);
    if (refused || need === null || actor === null) {
      done(refused ?? staleness(actor));
      return;
    }
    const decide = (allowed: boolean) => done(allowed ? staleness(actor) : platformErrors.forbidden());
    let allowed: boolean | Promise<boolean>;
    try {
      allowed = authorize(actor, need);
    } catch (error) {
      done(error as Error);
      return;
    }
    if (allowed instanceof Promise) allowed.then(decide, done);
    else decide(allowed);
  }

  /** No promise where `authenticate` makes none. */
  function identify(request: FastifyRequest, done: Done): void {
    let actor: Actor | null | Promise<Actor | null>;
    try {
      actor = authenticate(request);
    } catch (error) {
      done(error as Error);
      return;
    }
    if (actor instanceof Promise) actor.then((found) => welcome(request, found, done), done);
    else welcome(request, actor, done);
  }

  // A public route never looks at credentials, so that bad ones do no harm there.
  const admit = access === 'public' ? (_request: FastifyRequest, done: Done) => done() : identify;

  return (request: FastifyRequest, reply: FastifyReply, done: Done) => {
    request.template = template;
    if (isOurHost !== null && !isOurHost(request)) return done(platformErrors.host_refused());
    if (headers !== null) reply.headers(headers);
    if (count === null) return admit(request, done);
    count(request, reply).then(() => admit(request, done), done);
  };
}

/** Whether the password was proved within the last ten minutes. */
export function isFresh(actor: Actor, clock: Clock): boolean {
  return after(actor.authTime, FRESH_FOR) >= clock();
}

/** The gate of a route that does not exist in this environment. */
export const closed: onRequestHookHandler = (_request, _reply, done) => done(platformErrors.not_found());
