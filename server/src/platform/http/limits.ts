import type { FastifyReply, FastifyRequest, preValidationAsyncHookHandler } from 'fastify';
import type { Clock } from '../clock.ts';
import { type AppError, platformErrors } from '../errors.ts';
import type { Count, Counter, Counters, Rate } from '../limits/counters.ts';
import type { Actor } from './caller.ts';
import { clientAddress, clientKey } from './client-address.ts';
import { addHeaders } from './server-response.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Null when the configuration switches every limit off. */
    counters: Counters | null;
  }
}

/**
 * Counts one request of the client and adds the limit's header fields to the answer. Throws or rejects with `rate_limited` once the points
 * are used up; makes no promise where the count is at hand.
 */
export type CountRequest = (request: FastifyRequest, reply: FastifyReply) => void | Promise<void>;

/** Counts one attempt at an account. Rejects with `rate_limited`. */
export type CountAttempt = (request: FastifyRequest, accountKey: string) => Promise<void>;

/** Counts one request of a signed-in user. Throws or rejects with `rate_limited`; makes no promise where the count is at hand. */
export type CountActor = (actor: Actor) => void | Promise<void>;

/** Counts one request with a credential that is genuine, but not good any more. False once it was sent too often. */
export type CountPastCredential = (credentialId: string) => Promise<boolean>;

/** A limit of a public route that takes a token in its body, in a cookie or as a credential that may have run out. */
export interface TokenLimit extends Rate {
  /** What an authentic token of the request stands for, such as its session; null without one. The body is not validated yet. */
  subjectOf(request: FastifyRequest): string | null | Promise<string | null>;
}

/** The rate of the user's roles; null: none of them has one. */
export type RateOf = (actor: Actor) => ActorRate | null | Promise<ActorRate | null>;

export interface ActorRate {
  max: number;
  windowSeconds: number;
}

/** For an account whose roles have no rate. */
const DEFAULT_RATE: ActorRate = { max: 1200, windowSeconds: 60 };
/** Rates of fewer requests are for people whom each of them matters to. */
const LEAST_LEASED = 100;
/** Many requests of one page find out at once that its access token has run out. */
const PAST_CREDENTIALS: Rate = { name: 'past-credentials', points: 30, duration: 60, plainKeys: true };

export interface ForgivableLimit {
  /** Counts one attempt of the client at this address. Rejects with `rate_limited`. */
  count(ip: string, accountKey: string): Promise<void>;
  /** Resets the count of this client for an account, because its attempt was no guess. */
  succeeded(ip: string, accountKey: string): Promise<void>;
  /** Resets the counts for an account, of all clients and on all instances. */
  forgive(accountKey: string): Promise<void>;
}

/**
 * A limit on attempts at one account from one client, such as 5 passwords a minute. It counts both together, so that nobody can
 * lock somebody else out. No header field shows it: that would reveal whether others are trying, or whether an account exists.
 */
export function createAttemptLimit(limit: Rate): CountAttempt {
  return (request, accountKey) =>
    refuseOver(request.server.counters, limit, tryKey(clientAddress(request), accountKey));
}

/** The same, with counts that an administrator can reset for an account. */
export function createForgivableLimit(limit: Rate, counters: Counters | null): ForgivableLimit {
  // The key of a counter is client and account: a new number for the account abandons all its old counters.
  const forgiven = { name: `${limit.name}-forgiven`, points: Number.MAX_SAFE_INTEGER, duration: limit.duration };
  const keyOf = async (all: Counters, ip: string, accountKey: string) =>
    `${tryKey(ip, accountKey)} ${await all(forgiven).used(accountKey)}`;
  return {
    async count(ip, accountKey) {
      if (counters !== null) await refuseOver(counters, limit, await keyOf(counters, ip, accountKey));
    },
    async succeeded(ip, accountKey) {
      await counters?.(limit).forget(await keyOf(counters, ip, accountKey));
    },
    async forgive(accountKey) {
      await counters?.(forgiven).add(accountKey);
    },
  };
}

/**
 * A limit on actions of a user on their own account, such as 5 changes of the address an hour, from any client: many clients
 * would otherwise have a limit each. Only for routes that admit nobody else, who could lock the user out.
 */
export function createOwnLimit(limit: Rate): CountAttempt {
  return ({ server }, accountKey) => refuseOver(server.counters, limit, accountKey);
}

/** Counts the requests of each user by the rate of their roles. */
export function createActorLimit(counters: Counters, rateOf: RateOf): CountActor {
  /** Compiled grants keep their rate: looking a counter up by its name and values costs as much as counting. */
  const byRate = new WeakMap<ActorRate, Counter>();

  function counterOf(rate: ActorRate): Counter {
    const known = byRate.get(rate);
    if (known !== undefined) return known;
    const { max, windowSeconds } = rate;
    const name = `role-${max}-${windowSeconds}`;
    const counter = counters({
      name,
      points: max,
      duration: windowSeconds,
      plainKeys: true,
      leased: max >= LEAST_LEASED,
    });
    byRate.set(rate, counter);
    return counter;
  }

  const countBy = (rate: ActorRate | null, { subject, via }: Actor) => {
    const granted = rate ?? DEFAULT_RATE;
    if (via.rate === undefined) return settle(counterOf(granted).add(subject.id), refuseIfOver);
    return settle(counterOf(stricter(via.rate, granted)).add(via.id), refuseIfOver);
  };
  return (actor) => {
    const rate = rateOf(actor);
    return rate instanceof Promise ? rate.then((found) => countBy(found, actor)) : countBy(rate, actor);
  };
}

function stricter(own: ActorRate | null, granted: ActorRate): ActorRate {
  if (own === null) return granted;
  return own.max / own.windowSeconds < granted.max / granted.windowSeconds ? own : granted;
}

/** Counts who is signed in on a route with a limit of its own. No header field shows it: it is not the client that is counted. */
export function createRouteActorLimit(limit: Rate, counters: Counters): CountActor {
  const counter = counters({ ...limit, plainKeys: true });
  return ({ subject }) => settle(counter.add(subject.id), refuseIfOver);
}

/** Counts requests with credentials that have run out, each for itself. */
export function createPastCredentialLimit(counters: Counters): CountPastCredential {
  return async (credentialId) => !(await counters(PAST_CREDENTIALS).add(credentialId)).isOver;
}

/**
 * Counts an authentic token for what it stands for, and everything else for the client: many people may have one address, and none of
 * them can be kept out by others who send nothing, or garbage.
 */
export function createTokenLimit(
  { subjectOf, ...limit }: TokenLimit,
  countClient: CountRequest,
  counters: Counters,
): preValidationAsyncHookHandler {
  return async (request, reply) => {
    const subject = await subjectOf(request);
    await (subject === null
      ? countClient(request, reply)
      : refuseOver(counters, { ...limit, plainKeys: true }, subject));
  };
}

/**
 * A limit on the requests of one client; those that are `apart` have the same number of their own. Field syntax:
 * draft-ietf-httpapi-ratelimit-headers-10, beside the older `X-RateLimit-*`.
 */
export function createRouteLimit(
  limit: Rate,
  counters: Counters,
  clock: Clock,
  apart: (request: FastifyRequest) => boolean = () => false,
): CountRequest {
  const { name, points, duration } = limit;
  const counter = counters({ ...limit, plainKeys: true });
  const policy = `"${name}";q=${points};w=${duration}`;

  return (request, reply) => {
    const client = clientKey(clientAddress(request));
    return settle(counter.add(apart(request) ? `foreign ${client}` : client), (count) => {
      addHeaders(reply, [
        ['x-ratelimit-limit', String(points)],
        ['x-ratelimit-remaining', String(count.left)],
        ['x-ratelimit-reset', String(Math.ceil((clock().getTime() + count.resetIn) / 1000))],
        ['ratelimit-policy', policy],
        ['ratelimit', `"${name}";r=${count.left};t=${Math.ceil(count.resetIn / 1000)}`],
      ]);
      refuseIfOver(count);
    });
  };
}

/** The error `rate_limited` for a wait of this many milliseconds. */
export function rateLimited(wait: number): AppError {
  const seconds = Math.max(1, Math.ceil(wait / 1000));
  return platformErrors.rate_limited({ headers: { 'retry-after': String(seconds) } });
}

async function refuseOver(counters: Counters | null, limit: Rate, key: string): Promise<void> {
  const count: Count | undefined = await counters?.(limit).add(key);
  if (count !== undefined) refuseIfOver(count);
}

function refuseIfOver({ isOver, resetIn }: Count): void {
  if (isOver) throw rateLimited(resetIn);
}

const settle = (count: Count | Promise<Count>, then: (count: Count) => void): void | Promise<void> =>
  count instanceof Promise ? count.then(then) : then(count);

function tryKey(ip: string, accountKey: string): string {
  return `${clientKey(ip)} ${accountKey}`;
}
