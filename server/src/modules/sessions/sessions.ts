import { after, type Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import { platformErrors } from '../../platform/errors.ts';
import { countryOf } from '../../platform/geo/country.ts';
import type { Caller, SessionActor } from '../../platform/http/caller.ts';
import { parseDevice, sameDevice } from '../../platform/http/device.ts';
import { networkOf } from '../../platform/http/network.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { Events } from '../events/events.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { AccessTokens } from './access-token.ts';
import type { PresentedRefreshToken } from './client-binding.ts';
import { createEndSession } from './end-session.ts';
import { sessionErrors } from './errors.ts';
import { isLive } from './liveness.ts';
import { amrOf, latestProofs } from './names.ts';
import { createRefresh } from './refresh.ts';
import type { RefreshToken, RefreshTokens } from './refresh-token.ts';
import type { Proof, SessionRecord, SessionStore } from './session-store.ts';

/** The result of a successful sign-in or refresh. */
export interface SignedIn {
  accessToken: string;
  /** Seconds. */
  expiresIn: number;
  /** Null if the client keeps the one that it has. */
  refreshToken: string | null;
  session: SessionRecord;
  user: UserRecord;
  roles: string[];
  /** Made on the way; shown once. */
  recoveryCodes?: readonly string[];
}

/** What the sign-in engine decided about a new session. */
export interface SessionStart {
  /** The session's id, which is that of its flow: the insert uses the flow up. */
  id: string;
  /** The user's `sessionEpoch` before the proof. If all sessions were ended since, this one is not live. */
  epoch: number;
  clientId: string;
  methods: readonly Proof[];
  aal: SessionRecord['aal'];
  authTime: Date;
}

/**
 * Called before a session is extended or elevated, with the proofs that it then has. Answers what they amount to; throws to refuse, before
 * anything is written.
 */
export type DemandSteps = (
  session: SessionRecord,
  user: UserRecord,
) => Promise<Pick<SessionRecord, 'aal' | 'authTime'>>;

/** What a request brings to name a session. */
export interface PresentedTokens {
  accessToken: string | null;
  refreshToken: string | null;
}

export interface Sessions {
  /**
   * Begins a session. Null if another request has already used the same flow up. Only the sign-in engine may call this: nothing else
   * decides that somebody is signed in.
   */
  start(caller: Caller, user: UserRecord, how: SessionStart): Promise<SignedIn | null>;
  /** Rotates a refresh token. Only for the sign-in engine. Throws `refresh_invalid`, and what `demandSteps` throws. */
  refresh(caller: Caller, presented: PresentedRefreshToken, demandSteps: DemandSteps): Promise<SignedIn>;
  /**
   * Adds proofs to a session and issues a new access token; the refresh token stays. Only for the sign-in engine. Throws
   * `unauthenticated` if the session is over or was rotated since, and what `demandSteps` throws.
   */
  elevate(
    caller: Caller,
    session: Pick<SessionRecord, 'id' | 'generation'>,
    methods: readonly Proof[],
    demandSteps: DemandSteps,
  ): Promise<SignedIn>;
  /**
   * Adds proofs that were given to make the sign-in fresh, and issues a new access token for the same session. Only for the sign-in engine.
   * Throws `unauthenticated` if the session is over, `reauth_required` if the proofs are weaker than the session or its account, and what
   * `demandSteps` throws.
   */
  reauthenticate(
    caller: Caller,
    actor: SessionActor,
    methods: readonly Proof[],
    demandSteps: DemandSteps,
  ): Promise<{ accessToken: string; expiresIn: number }>;
  /**
   * Adds proofs to a session, whichever token it has reached. Only for the sign-in engine. Throws `unauthenticated` if the session is over,
   * and what `demandSteps` throws.
   */
  strengthen(caller: Caller, sessionId: string, methods: readonly Proof[], demandSteps: DemandSteps): Promise<void>;
  /** The session that a genuine token names, though it may be over; null without one. Costs no query. */
  namedBy(tokens: PresentedTokens): Promise<string | null>;
  /** Ends the sessions of these tokens, even of expired ones. False if no token is genuine. */
  signOut(caller: Caller, tokens: PresentedTokens): Promise<boolean>;
  /** The user's live sessions, the latest first. */
  list(userId: string): Promise<SessionRecord[]>;
  /** Ends one of the user's own sessions. Throws `session_not_found`. */
  end(caller: Caller, userId: string, sessionId: string): Promise<void>;
}

/** Number of earlier sessions that a sign-in is compared with, to tell a new device, network or country. */
const REMEMBERED_SIGN_INS = 50;

/** Begins, elevates, lists and ends sessions; `refresh.ts` rotates their tokens. */
export function createSessions(deps: {
  store: SessionStore;
  users: UserStore;
  events: Events;
  accessTokens: AccessTokens;
  refreshTokens: RefreshTokens;
  roleCodesOf: (user: UserRecord) => string[] | Promise<string[]>;
  /** When an access token of the session was last seen by this process, in Unix milliseconds; undefined if it does not know. */
  lastUseOf: (sessionId: string) => number | undefined;
  limits: Config['tokens'];
  clock: Clock;
}): Sessions {
  const { store, users, events, accessTokens, refreshTokens, roleCodesOf, lastUseOf, limits, clock } = deps;

  async function signedIn(session: SessionRecord, token: RefreshToken, user: UserRecord): Promise<SignedIn> {
    const roles = await roleCodesOf(user);
    return { ...accessTokenFor(session, roles), refreshToken: token.text, session, user, roles };
  }

  function accessTokenFor(session: SessionRecord, roles: string[]) {
    const { id: sessionId, userId, clientId, generation, authTime, methods } = session;
    return accessTokens.issue({ userId, sessionId, clientId, generation, authTime, amr: amrOf(methods), roles });
  }

  /** Ends the other sessions beyond the limit that were used least lately, such as a browser that nobody returns to. */
  async function endBeyondLimit(caller: Caller, user: UserRecord, newId: string, now: Date): Promise<void> {
    const live = (await store.listOpen(user.id, now)).filter((session) => isLive(session, user, now));
    const lastUse = ({ id, lastSeenAt }: SessionRecord) => Math.max(lastSeenAt.getTime(), lastUseOf(id) ?? 0);
    // Compared by the clocks of several instances, the new session itself may not be the latest.
    const others = live.filter(({ id }) => id !== newId).sort((a, b) => lastUse(a) - lastUse(b));
    for (const session of others.slice(0, Math.max(0, live.length - limits.sessionLimit))) {
      await endSession(caller, session, 'session_limit');
    }
  }

  const endSession = createEndSession(deps);

  async function idsIn({ accessToken, refreshToken }: PresentedTokens): Promise<string[]> {
    const access = accessToken ? await accessTokens.verifyExpired(accessToken) : null;
    const refresh = refreshToken ? refreshTokens.parse(refreshToken) : null;
    return [access?.sessionId, refresh?.sessionId].filter((id) => id !== undefined);
  }

  /** Adds proofs to a session and issues a new access token. */
  async function prove(
    caller: Caller,
    sessionId: string,
    { type, methods: added, demandSteps }: { type: string; methods: readonly Proof[]; demandSteps: DemandSteps },
  ): Promise<SignedIn> {
    return untilWon(
      async () => {
        const session = await store.find(sessionId);
        const user = session && (await users.find(session.userId));
        const now = clock();
        if (!user || !isLive(session, user, now)) throw platformErrors.unauthenticated();
        const methods = latestProofs(session.methods, added);
        const { aal, authTime } = await demandSteps({ ...session, methods }, user);
        const change = { methods, aal, authTime, organizationId: session.organizationId };
        const about = { target: `session:${session.id}`, userId: user.id };
        const event = events.describe(caller, { type, ...about, evicts: true });
        if (!(await store.elevate(session, change, event))) return null;
        const roles = await roleCodesOf(user);
        const elevated = { ...session, ...change, version: session.version + 1 };
        // While nothing shows that the client has the present refresh token, this access token does not show it, either.
        const generation = session.generationUsed ? session.generation : session.generation - 1;
        return {
          ...accessTokenFor({ ...elevated, generation }, roles),
          refreshToken: null,
          session: elevated,
          user,
          roles,
        };
      },
      { record: `session:${sessionId}` },
    );
  }

  return {
    async start(caller, user, { id, epoch, clientId, methods, aal, authTime }) {
      const now = clock();
      const device = parseDevice(caller.userAgent);
      const place = { ip: caller.ip, network: networkOf(caller.ip), country: countryOf(caller.ip) };
      const earlierOnes = await store.listLatest(user.id, REMEMBERED_SIGN_INS);
      const isNew = (known: (session: SessionRecord) => boolean) => earlierOnes.length > 0 && !earlierOnes.some(known);
      const token = refreshTokens.first(id);
      const expiresAt = after(now, limits.refreshAbsoluteTtl);
      const session: SessionRecord = {
        id: token.sessionId,
        userId: user.id,
        clientId,
        epoch,
        generation: token.generation,
        tokenHash: token.hash,
        previousHash: null,
        rotationNonce: null,
        rotatedAt: now,
        generationUsed: true,
        methods: [...methods],
        aal,
        authTime,
        organizationId: null,
        parentId: null,
        grantId: null,
        jkt: null,
        providerId: null,
        device,
        refreshedBy: null,
        ...place,
        createdAt: now,
        lastSeenAt: now,
        idleExpiresAt: earlier(after(now, limits.refreshIdleTtl), expiresAt),
        expiresAt,
        endedAt: null,
        endReason: null,
        version: 1,
      };
      const event = events.describe(caller, {
        type: 'session.started',
        target: `session:${session.id}`,
        userId: user.id,
        actorId: user.id,
        data: {
          amr: amrOf(methods),
          newDevice: isNew((known) => sameDevice(known.device, device)),
          newNetwork: isNew((known) => known.network === place.network),
          newCountry: place.country !== null && isNew((known) => known.country === place.country),
        },
      });
      if (!(await store.create(session, event))) return null;
      await endBeyondLimit(caller, user, session.id, now);
      return signedIn(session, token, user);
    },

    refresh: createRefresh({ ...deps, endSession, signedIn }),

    elevate(caller, { id, generation }, methods, demandSteps) {
      return prove(caller, id, {
        type: 'session.elevated',
        methods,
        async demandSteps(session, user) {
          // If the token was rotated since, its holder continued without this step.
          if (session.generation !== generation) throw platformErrors.unauthenticated();
          return demandSteps(session, user);
        },
      });
    },

    async strengthen(caller, sessionId, methods, demandSteps) {
      await prove(caller, sessionId, { type: 'session.elevated', methods, demandSteps });
    },

    async reauthenticate(caller, { sessionId }, methods, demandSteps) {
      const { accessToken, expiresIn } = await prove(caller, sessionId, {
        type: 'session.reauthenticated',
        methods,
        async demandSteps(session, user) {
          const assured = await demandSteps(session, user);
          // The token would be no fresher than the one that the client has.
          if (methods.some(({ at }) => at > assured.authTime)) throw platformErrors.reauth_required();
          return assured;
        },
      });
      return { accessToken, expiresIn };
    },

    namedBy: async (tokens) => (await idsIn(tokens))[0] ?? null,

    async signOut(caller, tokens) {
      const ids = new Set(await idsIn(tokens));
      for (const id of ids) {
        const session = await store.find(id);
        if (session) await endSession(caller, session, 'signed_out');
      }
      return ids.size > 0;
    },

    async list(userId) {
      const now = clock();
      const user = await users.find(userId);
      if (!user) return [];
      const open = await store.listOpen(userId, now);
      return open.filter((session) => isLive(session, user, now)).reverse();
    },

    async end(caller, userId, sessionId) {
      const session = await store.find(sessionId);
      const user = await users.find(userId);
      if (session?.userId !== userId || !user || !isLive(session, user, clock()))
        throw sessionErrors.session_not_found();
      await endSession(caller, session, 'revoked');
    },
  };
}

function earlier(a: Date, b: Date): Date {
  return a < b ? a : b;
}
