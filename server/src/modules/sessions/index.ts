import type { Logger } from 'pino';
import type { Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { Assurance } from '../../platform/http/caller.ts';
import type { CredentialKind } from '../../platform/http/credential-kind.ts';
import type { Part } from '../../platform/http/part.ts';
import type { Events } from '../events/events.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import type { Mails } from '../mails/mails.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { createAccessTokens } from './access-token.ts';
import { createRefreshCookie, type RefreshCookie } from './cookie.ts';
import { registerSessionPurge } from './jobs.ts';
import * as sessionMails from './mails.ts';
import { createRefreshTokens, REFRESH_TOKEN_FORM } from './refresh-token.ts';
import { sessionRoutes } from './routes.ts';
import { createSessionCredentials } from './session-credentials.ts';
import { createSessionStates } from './session-states.ts';
import type { SessionStore } from './session-store.ts';
import { createSessions as createSessionUseCases, type Sessions } from './sessions.ts';

export interface SessionModule {
  sessions: Sessions;
  /** Access tokens as a kind of credential. */
  credentials: CredentialKind;
  cookie: RefreshCookie;
  part: Part;
}

/** Composes sessions and their tokens: `createSessions({ ...ground, store: storage.sessions, userStore: storage.users, keys: keys.signing, … })`. */
export function createSessions(deps: {
  store: SessionStore;
  userStore: UserStore;
  users: Pick<Users, 'endSessions'>;
  events: Events;
  keyring: Keyring;
  keys: SigningKeys;
  isBlind: () => boolean;
  roleCodesOf: (user: UserRecord) => string[] | Promise<string[]>;
  roleCodesFor: (user: UserRecord, assurance: Omit<Assurance, 'authTime'>) => string[] | Promise<string[]>;
  /** If false, every address counts as verified. */
  verificationRequired: boolean;
  config: Config;
  periodic: Periodic;
  mails: Mails;
  clock: Clock;
  log: Logger;
}): SessionModule {
  const { store, userStore: users, keyring, keys, isBlind, config, clock } = deps;
  const accessTokens = createAccessTokens({
    keys,
    issuer: config.publicUrl,
    ttl: config.tokens.accessTtl,
    isBlind,
    clock,
  });
  const refreshTokens = createRefreshTokens({ keyring });
  const states = createSessionStates({ ...deps, sessions: store, users });
  const { lastUseOf } = states;
  const tokens = { accessTokens, refreshTokens, limits: config.tokens };
  const sessions = createSessionUseCases({ ...deps, ...tokens, users, lastUseOf });
  const cookie = createRefreshCookie(config, (token) => refreshTokens.parse(token) !== null);
  registerSessionPurge(deps);
  deps.mails.add(sessionMails, null);
  return {
    sessions,
    credentials: createSessionCredentials({ accessTokens, states, sessions: store, users, clock }),
    cookie,
    part: {
      routes: [sessionRoutes({ sessions, cookie, endAll: deps.users.endSessions })],
      remembers: states,
      tokens: [REFRESH_TOKEN_FORM],
    },
  };
}
