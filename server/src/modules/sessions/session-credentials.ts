import type { Clock } from '../../platform/clock.ts';
import type { Actor } from '../../platform/http/caller.ts';
import type { CredentialKind } from '../../platform/http/credential-kind.ts';
import type { TokenForm } from '../../platform/http/token-form.ts';
import type { UserStore } from '../users/user-store.ts';
import type { AccessTokens, VerifiedToken } from './access-token.ts';
import { isLive } from './liveness.ts';
import type { SessionStates } from './session-states.ts';
import type { SessionStore } from './session-store.ts';

/** The form of a JWS (RFC 7515, 7.1). No other kind of token has two dots. */
const JWS = /^[^.]*\.[^.]*\.[^.]*$/;
export const ACCESS_TOKEN_FORM: TokenForm = {
  name: 'access token',
  matches: (token) => JWS.test(token),
  sample: 'eyJ0eXAiOiJhdCtqd3QifQ.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl',
};

/** Access tokens as credentials. Their sessions and users are remembered, so that a request costs no query. */
export function createSessionCredentials(deps: {
  accessTokens: AccessTokens;
  states: SessionStates;
  sessions: SessionStore;
  users: UserStore;
  clock: Clock;
}): CredentialKind {
  const { accessTokens, states, sessions, users, clock } = deps;
  const admit = (verified: VerifiedToken | null): Actor | null | Promise<Actor | null> =>
    verified && states.actorOf(verified);

  return {
    kinds: ['session'],
    form: ACCESS_TOKEN_FORM,

    actorOf(token) {
      const verified = accessTokens.verify(token);
      return verified instanceof Promise ? verified.then(admit) : admit(verified);
    },

    pastIdOf: async (token) => (await accessTokens.verifyExpired(token))?.sessionId ?? null,

    async stillCounts({ via, subject }) {
      const [session, user] = await Promise.all([sessions.find(via.id), users.find(subject.id)]);
      return session !== null && user !== null && session.userId === user.id && isLive(session, user, clock());
    },
  };
}
