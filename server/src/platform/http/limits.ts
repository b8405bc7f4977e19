import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Clock } from '../clock.ts';
import { platformErrors } from '../errors.ts';
import { addFields } from './answer.ts';
import { clientAddress, clientKey } from './client-address.ts';
import type { RouteLimit } from './routes.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** False when the configuration switches every limit off. */
    limitsOn: boolean;
  }
}

/** Counts one request of the client and tells the answer's header fields. Rejects with `rate_limited` once the points are used up. */
export type CountRequest = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/** Counts one try for an account. Rejects with `rate_limited`. */
export type CountTry = (request: FastifyRequest, accountKey: string) => Promise<void>;

export interface AccountLimit {
  count: CountTry;
  /** Forgets what this process counted for an account, of all clients. */
  forgive(accountKey: string): void;
}

const FORGIVEN_ACCOUNTS = 1000;

/** Hands out the counter of each route limit; limits of one name share one, and must agree. */
export function createRouteLimits(clock: Clock): (limit: RouteLimit) => CountRequest {
  const known = new Map<string, { limit: RouteLimit; count: CountRequest }>();
  return (limit) => {
    const same = known.get(limit.name);
    if (same === undefined) {
      const count = countRequests(limit, clock);
      known.set(limit.name, { limit, count });
      return count;
    }
    if (same.limit.points !== limit.points || same.limit.duration !== limit.duration) {
      throw new TypeError(`The limit "${limit.name}" is declared twice, with different points or durations.`);
    }
    return same.count;
  };
}

/**
 * A limit on tries for one account from one client, such as 5 passwords a minute. Counting both together, nobody can
 * lock somebody else out. It shows in no header field: that would tell whether others are trying, or whether an account exists.
 */
export function createAccountLimit(limit: RouteLimit): CountTry {
  return createForgivingLimit(limit).count;
}

/** The same, of which an administrator can forgive an account what was counted. */
export function createForgivingLimit(limit: RouteLimit): AccountLimit {
  const count = countTries(limit);
  // Counters are found by client and account together: a new number for the account leaves all of its old ones behind.
  const forgiven = new LRUCache<string, number>({ max: FORGIVEN_ACCOUNTS, ttl: limit.duration * 1000 });
  return {
    count(request, accountKey) {
      const account = hashOf(accountKey);
      return count(request, `${clientKey(clientAddress(request))} ${account} ${forgiven.get(account) ?? 0}`);
    },
    forgive(accountKey) {
      const account = hashOf(accountKey);
      forgiven.set(account, (forgiven.get(account) ?? 0) + 1);
    },
  };
}

/**
 * A limit on what somebody does with their own account, such as 5 changes of the address an hour, wherever they do it from: whoever
 * holds a network of clients would otherwise have as many. Only for routes that admit nobody else, who could lock them out.
 */
export function createOwnLimit(limit: RouteLimit): CountTry {
  const count = countTries(limit);
  return (request, accountKey) => count(request, hashOf(accountKey));
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url');

function countTries({ name, points, duration }: RouteLimit): (request: FastifyRequest, key: string) => Promise<void> {
  const limiter = new RateLimiterMemory({ keyPrefix: name, points, duration });
  return async (request, key) => {
    if (!request.server.limitsOn) return;
    try {
      await limiter.consume(key);
    } catch (refusal) {
      throw rateLimited(refusal);
    }
  };
}

/** Field syntax: draft-ietf-httpapi-ratelimit-headers-10, beside the older `X-RateLimit-*`. */
function countRequests({ name, points, duration }: RouteLimit, clock: Clock): CountRequest {
  const limiter = new RateLimiterMemory({ keyPrefix: name, points, duration });
  const policy = `"${name}";q=${points};w=${duration}`;
  const limit = String(points);

  function show(reply: FastifyReply, { remainingPoints, msBeforeNext }: RateLimiterRes) {
    addFields(reply, [
      ['x-ratelimit-limit', limit],
      ['x-ratelimit-remaining', String(remainingPoints)],
      ['x-ratelimit-reset', String(Math.ceil((clock().getTime() + msBeforeNext) / 1000))],
      ['ratelimit-policy', policy],
      ['ratelimit', `"${name}";r=${remainingPoints};t=${Math.ceil(msBeforeNext / 1000)}`],
    ]);
  }

  return (request, reply) =>
    limiter.consume(clientKey(clientAddress(request))).then(
      (state) => show(reply, state),
      (refusal) => {
        if (refusal instanceof RateLimiterRes) show(reply, refusal);
        throw rateLimited(refusal);
      },
    );
}

function rateLimited(refusal: unknown): unknown {
  if (!(refusal instanceof RateLimiterRes)) return refusal;
  const seconds = Math.max(1, Math.ceil(refusal.msBeforeNext / 1000));
  return platformErrors.rate_limited({ headers: { 'retry-after': String(seconds) } });
}
