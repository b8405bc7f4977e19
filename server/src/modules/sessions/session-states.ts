import type { Logger } from 'pino';
import { createMemory } from '../../platform/cache/memory.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Actor, ProofMethod } from '../../platform/http/caller.ts';
import type { UserStore } from '../users/user-store.ts';
import type { VerifiedToken } from './access-token.ts';
import { isLive } from './liveness.ts';
import { isPhishingResistant } from './names.ts';
import type { SessionRecord, SessionStore } from './session-store.ts';

export interface SessionStates {
  /** The actor of a verified token; null if its session has ended or its user may not act. Reads the database only the first time. */
  actorOf(token: VerifiedToken): Actor | null | Promise<Actor | null>;
  /** When this process last saw an access token of the session, in Unix milliseconds. The store knows the first use of each token. */
  lastUseOf(sessionId: string): number | undefined;
  /** Forgets what a change of `session:…` or `user:…` has made old. */
  evict(target: string): void;
  /** Forgets everything. */
  clear(): void;
}

interface SessionState
  extends Pick<SessionRecord, 'id' | 'userId' | 'epoch' | 'endedAt' | 'expiresAt' | 'aal' | 'organizationId'> {
  methods: readonly ProofMethod[];
  /** The highest generation whose access token was seen and noted in the store. */
  seenGeneration: number;
  /** Unix milliseconds. */
  lastUsedAt: number;
}

const REMEMBERED_SESSIONS = 50_000;
const REMEMBERED_USERS = 50_000;

/** Sessions and users that this process remembers, so that a request costs no query. `evict` keeps them true. */
export function createSessionStates(deps: {
  sessions: SessionStore;
  users: UserStore;
  /** If false, every address counts as verified. */
  verificationRequired: boolean;
  clock: Clock;
  log: Logger;
}): SessionStates {
  const { clock, log } = deps;

  const sessions = createMemory<SessionState>({
    max: REMEMBERED_SESSIONS,
    load: async (id) => {
      const found = await deps.sessions.find(id);
      if (!found) return null;
      const { userId, epoch, endedAt, expiresAt, aal, organizationId, generation, generationUsed } = found;
      const seenGeneration = generationUsed ? generation : generation - 1;
      const methods = found.methods.map(({ method }) => method);
      return { id, userId, epoch, endedAt, expiresAt, aal, organizationId, methods, seenGeneration, lastUsedAt: 0 };
    },
  });

  const users = createMemory({
    max: REMEMBERED_USERS,
    load: async (id) => {
      const found = await deps.users.find(id);
      if (!found) return null;
      const { status, sessionEpoch, keptSessionId, emailVerified, roleIds } = found;
      return { status, sessionEpoch, keptSessionId, emailVerified, roleIds };
    },
  });
  type UserState = NonNullable<Awaited<ReturnType<typeof users.get>>>;

  function decide(token: VerifiedToken, session: SessionState | null, user: UserState | null): Actor | null {
    if (!session || !user || session.userId !== token.userId) return null;
    const now = clock();
    if (!isLive(session, user, now)) return null;
    session.lastUsedAt = now.getTime();
    if (token.generation > session.seenGeneration) noteSeen(session, token.generation);
    const { userId, sessionId, clientId, expiresAt, authTime } = token;
    const { aal, methods } = session;
    return {
      subject: { kind: 'person', id: userId },
      via: { kind: 'session', id: sessionId, clientId, expiresAt },
      userId,
      sessionId,
      sessionEpoch: session.epoch,
      emailVerified: user.emailVerified || !deps.verificationRequired,
      roleIds: user.roleIds,
      organizationId: session.organizationId,
      scopes: null,
      assurance: { aal, phishingResistant: isPhishingResistant(methods), authTime, methods },
      actingFor: null,
    };
  }

  function noteSeen(session: SessionState, generation: number): void {
    const before = session.seenGeneration;
    session.seenGeneration = generation;
    deps.sessions.markUsed(session.id, generation, clock()).catch((error) => {
      // The next request notes it again: without it, whoever stole the predecessor could exchange it for as long as the session may idle.
      if (session.seenGeneration === generation) session.seenGeneration = before;
      log.debug({ err: error }, 'noting the use of an access token failed');
    });
  }

  return {
    actorOf(token) {
      const session = sessions.peek(token.sessionId);
      const user = users.peek(token.userId);
      if (session && user) return decide(token, session, user);
      return Promise.all([sessions.get(token.sessionId), users.get(token.userId)]).then(([s, u]) =>
        decide(token, s, u),
      );
    },

    lastUseOf: (sessionId) => sessions.peek(sessionId)?.lastUsedAt,

    evict(target) {
      const [kind, id] = target.split(':', 2);
      if (!id) return;
      if (kind === 'session') sessions.evict(id);
      if (kind === 'user') users.evict(id);
    },

    clear() {
      sessions.clear();
      users.clear();
    },
  };
}
