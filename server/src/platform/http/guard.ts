import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction, onRequestHookHandler } from 'fastify';
import { after, type Clock, MINUTE } from '../clock.ts';
import { AppError, platformErrors } from '../errors.ts';
import { type Access, type Actor, type Caller, isSessionActor, OPERATOR, type RoleAccess } from './caller.ts';
import { PastCredential } from './credential-kind.ts';
import type { CountActor, CountPastCredential, CountRequest } from './limits.ts';

/** How old a proof of who calls may be on routes marked `fresh`. */
const FRESH_FOR = 10 * MINUTE;

export interface GuardRules {
  /** Becomes `request.template`. */
  template: string;
  /** What a role grants to admit here. */
  code: string;
  access: Access;
  /** Whether credentials of machines are admitted where `access` asks only who calls. */
  anyCredential: boolean;
  /** See `FastifyContextConfig`. */
  fresh: boolean | 'sessions';
  aal: 2 | undefined;
  /** Refuses what a page of another site can post without asking; null on routes where nobody can. */
  refuseForeign: ((request: FastifyRequest) => void) | null;
  /** Counts the client of a request that nobody authentic sent. Null: no limit. */
  count: CountRequest | null;
  /** Counts who is signed in by the route's own limit. Null: it has none. */
  countActor: CountActor | null;
  /** Null: any host. */
  isOurHost: ((request: FastifyRequest) => boolean) | null;
  /** Header fields beyond those of every answer. */
  headers: Record<string, string> | null;
}

/** What a route asks of its caller's roles. */
export type Need = { permission: string } | RoleAccess;

/**
 * `out_of_scope`: the subject may, but the credential is limited to less. `mfa_required`: the roles that would grant it demand a stronger proof
 * of who calls.
 */
export type Decision = 'granted' | 'not_granted' | 'out_of_scope' | 'mfa_required';

/** What a request names in its path, before its schema has checked it: `{ orgId: '…' }`. */
export type PathParameters = Readonly<Record<string, string | undefined>>;

/**
 * Whether an actor holds the permission with this code, or the roles; no promise where it is known at once. `path`: a role may count only
 * for what the path names.
 */
export type Authorize = (actor: Actor, need: Need, path: PathParameters) => Decision | Promise<Decision>;

export interface GuardContext {
  clock: Clock;
  authorize: Authorize;
  authenticate: (request: FastifyRequest) => Actor | null | Promise<Actor | null>;
  /** Null: nobody is limited. */
  countActor: CountActor | null;
  /** Null: nobody is limited. */
  countPastCredential: CountPastCredential | null;
}

/** One check: throws or rejects to refuse. Makes a promise only where it must wait, because a request in memory should cost none. */
type Check = (request: FastifyRequest, reply: FastifyReply) => void | Promise<void>;

/** One route's gate: its checks, in the order in which they stand here. It runs before the body is read. */
export function createGuard(rules: GuardRules, context: GuardContext): onRequestHookHandler {
  const { access, refuseForeign, count, fresh } = rules;
  const checks: Check[] = [announce(rules)];
  // Before anything is counted: the visitor of that page would have to wait for what it posts.
  if (refuseForeign !== null) checks.push(refuseForeign);
  // A public route never looks at credentials, so that bad ones do no harm there.
  if (access === 'public') {
    if (count !== null) checks.push(count);
  } else {
    checks.push(identify(context, count), ...(access === 'optional' ? [] : [demandActor]));
    for (const countActor of [context.countActor, rules.countActor]) {
      if (countActor !== null) checks.push(limitActor(countActor));
    }
    if (isAboutPersons(access) && !rules.anyCredential) checks.push(demandSession);
    if (access === 'verified') checks.push(demandVerified);
    if (access === 'permission') checks.push(demandGrant({ permission: rules.code }, context));
    if (typeof access === 'object') checks.push(demandGrant(access, context));
    // Last: who may not do it at all need not prove again who they are to learn that.
    if (fresh === true) checks.push(demandSession);
    if (rules.aal === 2) checks.push(demandTwoFactors);
    if (fresh !== false) checks.push(({ actor }) => demandFreshProof({ actor }, context.clock));
  }
  return (request, reply, done) => runFrom(0, checks, request, reply, done);
}

function runFrom(
  first: number,
  checks: readonly Check[],
  request: FastifyRequest,
  reply: FastifyReply,
  done: HookHandlerDoneFunction,
): void {
  try {
    for (let index = first; index < checks.length; index++) {
      const pending = checks[index]?.(request, reply);
      if (pending instanceof Promise) {
        const refuse = (error: unknown) => done(asError(error));
        pending.then(() => runFrom(index + 1, checks, request, reply, done), refuse);
        return;
      }
    }
  } catch (error) {
    done(asError(error));
    return;
  }
  done();
}

/** A check that throws nothing in particular has refused all the same: `done` without an error would admit. */
const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error('A check failed.', { cause: error });

/** Routes that roles have no say in: about the caller's own account. */
const isAboutPersons = (access: Access): boolean => typeof access === 'string' && access !== 'permission';

const announce =
  ({ template, isOurHost, headers }: GuardRules): Check =>
  (request, reply) => {
    request.template = template;
    if (isOurHost !== null && !isOurHost(request)) throw platformErrors.host_refused();
    if (headers !== null) reply.headers(headers);
  };

/**
 * Finds out who calls. Only requests without an authentic credential count for the client's address, which a whole office or a server-side
 * front end may share: nobody who is signed in can be kept out by a neighbour, and nobody's credential is tried without a limit.
 */
function identify({ authenticate, countPastCredential }: GuardContext, count: CountRequest | null): Check {
  const settle = (request: FastifyRequest, reply: FastifyReply, actor: Actor | null) => {
    request.actor = actor;
    if (actor === null && count !== null) return count(request, reply);
  };
  const refuse = async (request: FastifyRequest, reply: FastifyReply, error: unknown): Promise<never> => {
    // All pages of an office wake at nine with access tokens that ran out in the night.
    const isPast = error instanceof PastCredential && (await countPastCredential?.(error.credentialId));
    const isRefusal = error instanceof AppError && error.code === 'unauthenticated';
    if (isRefusal && !isPast) await count?.(request, reply);
    throw error;
  };
  return (request, reply) => {
    try {
      const actor = authenticate(request);
      if (!(actor instanceof Promise)) return settle(request, reply, actor);
      return actor.then(
        (found) => settle(request, reply, found),
        (error) => refuse(request, reply, error),
      );
    } catch (error) {
      return refuse(request, reply, error);
    }
  };
}

const demandActor: Check = ({ actor }) => {
  if (actor === null) throw platformErrors.unauthenticated();
};

const limitActor =
  (countActor: CountActor): Check =>
  ({ actor }) =>
    actor === null ? undefined : countActor(actor);

/** A key, however wide, must never change a password, a factor, a session or another key. */
const demandSession: Check = ({ actor }) => {
  if (actor !== null && !isSessionActor(actor)) throw platformErrors.credential_refused();
};

const demandTwoFactors: Check = ({ actor }) => {
  if (actor?.assurance.aal !== 2) throw platformErrors.mfa_required();
};

const demandVerified: Check = ({ actor }) => {
  if (!actor?.emailVerified) throw platformErrors.email_unverified();
};

function demandGrant(need: Need, { authorize }: GuardContext): Check {
  const settle = (decision: Decision) => {
    if (decision === 'out_of_scope') throw scopeInsufficient(need);
    if (decision === 'mfa_required') throw platformErrors.mfa_required();
    // Whatever is not the one word that admits refuses.
    if (decision !== 'granted') throw platformErrors.forbidden();
  };
  return ({ actor, params }) => {
    if (actor === null) throw platformErrors.unauthenticated();
    const decision = authorize(actor, need, params as PathParameters);
    return decision instanceof Promise ? decision.then(settle) : settle(decision);
  };
}

/** Tells a client which scope would do (RFC 6750, 3). */
function scopeInsufficient(need: Need): AppError {
  const scopes = scopesFor(need).join(' ');
  const challenge = `Bearer error="insufficient_scope", scope="${scopes}"`;
  return platformErrors.scope_insufficient({ headers: { 'www-authenticate': challenge } });
}

function scopesFor(need: Need): readonly string[] {
  if ('permission' in need) return [need.permission];
  // One of `anyRole` is enough.
  const roles = 'anyRole' in need ? need.anyRole.slice(0, 1) : need.allRoles;
  return roles.map((role) => `role:${role}`);
}

/**
 * Throws `reauth_required` unless the person of a session was proved within the last ten minutes: what `fresh` of a route does, for use
 * cases of which only some calls give power, a credential or an address. Machines and the operator have nobody to ask. Throws
 * `unauthenticated` without an actor.
 */
export function demandFreshProof({ actor }: Pick<Caller, 'actor'>, clock: Clock): void {
  if (actor === OPERATOR) return;
  if (actor === null) throw platformErrors.unauthenticated();
  if (!isSessionActor(actor)) return;
  if (after(actor.assurance.authTime, FRESH_FOR) < clock()) throw platformErrors.reauth_required();
}

/** The gate of a route that does not exist in this environment. */
export const closed: onRequestHookHandler = (_request, _reply, done) => done(platformErrors.not_found());
