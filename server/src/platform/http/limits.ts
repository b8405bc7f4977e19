import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import { type AppError, platformErrors } from '../errors.ts';
import type { Count, Counters, Rate } from '../limits/counters.ts';
import type { Actor } from './caller.ts';
import { clientAddress, clientKey } from './client-address.ts';
import { addHeaders } from './server-response.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Null when the configuration switches every limit off. */
    counters: Counters | null;
  }
}

/** Counts one request of the client and tells the answer's header fields. Rejects with `rate_limited` once the points are used up. */
export type CountRequest = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/** Counts one try for an account. Rejects with `rate_limited`. */
export type CountAttempt = (request: FastifyRequest, accountKey: string) => Promise<void>;

/** Counts one request of somebody signed in. Rejects with `rate_limited`. */
export type CountActor = (actor: Actor) => Promise<void>;

/** What somebody's roles let them do in which time; null: as much as they like. */
export type RateOf = (actor: Actor) => ActorRate | null | Promise<ActorRate | null>;

export interface ActorRate {
  max: number;
  windowSeconds: number;
}

export interface ForgivableLimit {
  /** Counts one try of the client at this address. Rejects with `rate_limited`. */
  count(ip: string, accountKey: string): Promise<void>;
  /** Forgets what was counted for an account, of all clients and on all instances. */
  forgive(accountKey: string): Promise<void>;
}

/**
 * A limit on tries for one account from one client, such as 5 passwords a minute. Counting both together, nobody can
 * lock somebody else out. It shows in no header field: that would tell whether others are trying, or whether an account exists.
 */
export function createAttemptLimit(limit: Rate): CountAttempt {
  return (request, accountKey) =>
    refuseOver(request.server.counters, limit, tryKey(clientAddress(request), accountKey));
}

/** The same, of which an administrator can forgive an account what was counted. */
export function createForgivableLimit(limit: Rate, counters: Counters | null): ForgivableLimit {
  // Counters are found by client and account together: a new number for the account leaves all of its old ones behind.
  const forgiven = { name: `${limit.name}-forgiven`, points: Number.MAX_SAFE_INTEGER, duration: limit.duration };
  return {
    async count(ip, accountKey) {
      if (counters === null) return;
      const number = await counters(forgiven).used(accountKey);
      await refuseOver(counters, limit, `${tryKey(ip, accountKey)} ${number}`);
    },
    async forgive(accountKey) {
      await counters?.(forgiven).add(accountKey);
    },
  };
}

/**
 * A limit on what somebody does with their own account, such as 5 changes of the address an hour, wherever they do it from: whoever
 * holds a network of clients would otherwise have as many. Only for routes that admit nobody else, who could lock them out.
 */
export function createOwnLimit(limit: Rate): CountAttempt {
  return ({ server }, accountKey) => refuseOver(server.counters, limit, accountKey);
}

/** The same for a use case, which sees no request: `const countMail = createSubjectLimit(MAILS, counters)`. */
export function createSubjectLimit(limit: Rate, counters: Counters | null): (subjectId: string) => Promise<void> {
  return (subjectId) => refuseOver(counters, limit, subjectId);
}

/** Counts the requests of each person by the rate that their roles give them. */
export function createActorLimit(counters: Counters, rateOf: RateOf): CountActor {
  return async (actor) => {
    const rate = await rateOf(actor);
    if (rate === null) return;
    const name = `role-${rate.max}-${rate.windowSeconds}`;
    await refuseOver(
      counters,
      { name, points: rate.max, duration: rate.windowSeconds, plainKeys: true },
      actor.subject.id,
    );
  };
}

/** A limit on the requests of one client. Field syntax: draft-ietf-httpapi-ratelimit-headers-10, beside the older `X-RateLimit-*`. */
export function createRouteLimit(limit: Rate, counters: Counters, clock: Clock): CountRequest {
  const { name, points, duration } = limit;
  const counter = counters({ ...limit, plainKeys: true });
  const policy = `"${name}";q=${points};w=${duration}`;

  return async (request, reply) => {
    const count = await counter.add(clientKey(clientAddress(request)));
    addHeaders(reply, [
      ['x-ratelimit-limit', String(points)],
      ['x-ratelimit-remaining', String(count.left)],
      ['x-ratelimit-reset', String(Math.ceil((clock().getTime() + count.resetIn) / 1000))],
      ['ratelimit-policy', policy],
      ['ratelimit', `"${name}";r=${count.left};t=${Math.ceil(count.resetIn / 1000)}`],
    ]);
    if (count.isOver) throw rateLimited(count.resetIn);
  };
}

/** The refusal of somebody who must wait for so many milliseconds. */
export function rateLimited(wait: number): AppError {
  const seconds = Math.max(1, Math.ceil(wait / 1000));
  return platformErrors.rate_limited({ headers: { 'retry-after': String(seconds) } });
}

async function refuseOver(counters: Counters | null, limit: Rate, key: string): Promise<void> {
  const count: Count | undefined = await counters?.(limit).add(key);
  if (count?.isOver) throw rateLimited(count.resetIn);
}

function tryKey(ip: string, accountKey: string): string {
  return `${clientKey(ip)} ${accountKey}`;
}
