import type { FastifyRequest } from 'fastify';
import { platformErrors } from '../../platform/errors.ts';
import type { Actor } from '../../platform/http/caller.ts';
import type { AccessTokens, VerifiedToken } from './access-token.ts';
import type { SessionStates } from './session-states.ts';

/** The credentials of `Authorization: Bearer …` (RFC 6750, 2.1), or null for none or those of another scheme. */
export function bearerToken(request: FastifyRequest): string | null {
  const { authorization } = request.headers;
  if (authorization === undefined || authorization.slice(0, 7).toLowerCase() !== 'bearer ') return null;
  return authorization.slice(7).trim();
}

/**
 * Says who is calling, from the access token: without a query and without a promise where token and session were seen before.
 * Null without credentials. Throws `unauthenticated` for bad ones, and `unavailable` while this instance cannot know of revocations.
 */
export function createAuthenticate(deps: {
  accessTokens: AccessTokens;
  states: SessionStates;
  isBlind: () => boolean;
}): (request: FastifyRequest) => Actor | null | Promise<Actor | null> {
  const { accessTokens, states, isBlind } = deps;

  function admit(verified: VerifiedToken | null): Actor | Promise<Actor> {
    if (!verified) throw platformErrors.unauthenticated();
    const actor = states.actorOf(verified);
    return actor instanceof Promise ? actor.then(orRefuse) : orRefuse(actor);
  }

  return (request) => {
    if (request.headers.authorization === undefined) return null;
    const token = bearerToken(request);
    if (!token) throw platformErrors.unauthenticated();
    if (isBlind()) throw platformErrors.unavailable({ headers: { 'retry-after': '1' } });
    const verified = accessTokens.verify(token);
    return verified instanceof Promise ? verified.then(admit) : admit(verified);
  };
}

function orRefuse(actor: Actor | null): Actor {
  if (!actor) throw platformErrors.unauthenticated();
  return actor;
}
