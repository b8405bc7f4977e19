import { after, type Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import { UnknownKey } from '../../platform/crypto/keyring.ts';
import { platformErrors } from '../../platform/errors.ts';
import { countryOf } from '../../platform/geo/country.ts';
import type { Caller, SessionActor } from '../../platform/http/caller.ts';
import { parseDevice, sameDevice } from '../../platform/http/device.ts';
import { networkOf } from '../../platform/http/network.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { Events } from '../events/events.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { AccessTokens } from './access-token.ts';
import { sessionErrors } from './errors.ts';
import { isLive } from './liveness.ts';
import { amrOf, FIRST_PARTY, latestProofs } from './names.ts';
import { judgeRefresh } from './refresh-rules.ts';
import type { RefreshToken, RefreshTokens } from './refresh-token.ts';
import type { Proof, SessionRecord, SessionStore } from './session-store.ts';

/** What a successful sign-in or refresh hands out. */
export interface SignedIn {
  accessToken: string;
  /** Seconds. */
  expiresIn: number;
  /** Null where the client has it already, and goes on with it. */
  refreshToken: string | null;
  session: SessionRecord;
  user: UserRecord;
  roles: string[];
}

/** What the sign-in engine has found out about a session to be. */
export interface SessionStart {
  /** Its id; that of the flow that it ends. */
  id: string;
  /** The user's `sessionEpoch` when who they are was proved: what ended all sessions since then ends this one, too. */
  epoch: number;
  methods: readonly Proof[];
  aal: SessionRecord['aal'];
}

/** Asked before a session goes on; throws to stop it, and then nothing has changed. */
export type DemandSteps = (session: SessionRecord, user: UserRecord) => void;

export interface Sessions {
  /**
   * Begins a session; null where its id was used up before, by another caller with the same flow. For the sign-in engine alone: nothing
   * else may decide that somebody is signed in.
   */
  start(caller: Caller, user: UserRecord, how: SessionStart): Promise<SignedIn | null>;
  /** Rotates a refresh token. Throws `refresh_invalid`, and what `demandSteps` throws. For the sign-in engine alone. */
  refresh(caller: Caller, refreshToken: string, demandSteps: DemandSteps): Promise<SignedIn>;
  /**
   * Notes what was proved within a session that may go on, with a new access token; its refresh token stays. Throws `unauthenticated` where
   * it is over. For the sign-in engine alone.
   */
  elevate(
    caller: Caller,
    session: Pick<SessionRecord, 'id' | 'generation'>,
    proofs: readonly Proof[],
  ): Promise<SignedIn>;
  /** Notes that the password was proved again; a new access token for the same session. Throws `unauthenticated` where it is over. */
  reauthenticate(
    caller: Caller,
    actor: SessionActor,
    demandSteps: DemandSteps,
  ): Promise<{ accessToken: string; expiresIn: number }>;
  /** Ends the session that any genuine token names, an expired one too; false where none is genuine. */
  signOut(caller: Caller, tokens: { accessToken: string | null; refreshToken: string | null }): Promise<boolean>;
  /** A user's live sessions, the latest first. */
  list(userId: string): Promise<SessionRecord[]>;
  /** Ends one of the user's own. Throws `session_not_found`. */
  end(caller: Caller, userId: string, sessionId: string): Promise<void>;
}

/** How many earlier sessions decide whether a device, network or country is new. */
const REMEMBERED_SIGN_INS = 50;

/** Sign-ins, their refresh chains and their ends. */
export function createSessions(deps: {
  store: SessionStore;
  users: UserStore;
  events: Events;
  accessTokens: AccessTokens;
  refreshTokens: RefreshTokens;
  roleCodesOf: (user: UserRecord) => Promise<string[]>;
  limits: Config['tokens'];
  clock: Clock;
}): Sessions {
  const { store, users, events, accessTokens, refreshTokens, roleCodesOf, limits, clock } = deps;

  async function signedIn(session: SessionRecord, token: RefreshToken, user: UserRecord): Promise<SignedIn> {
    const roles = await roleCodesOf(user);
    return { ...accessTokenFor(session, roles), refreshToken: token.text, session, user, roles };
  }

  function accessTokenFor(session: SessionRecord, roles: string[]) {
    const { id: sessionId, userId, clientId, generation, authTime, methods } = session;
    return accessTokens.issue({ userId, sessionId, clientId, generation, authTime, amr: amrOf(methods), roles });
  }

  async function endOldestBeyondLimit(caller: Caller, user: UserRecord, now: Date): Promise<void> {
    const live = (await store.listOpen(user.id, now)).filter((session) => isLive(session, user, now));
    for (const session of live.slice(0, Math.max(0, live.length - limits.sessionLimit))) {
      await endSession(caller, session, 'session_limit');
    }
  }

  /** Throws `overloaded` where it could not be ended: nobody may be told that a session is over while it goes on. */
  async function endSession(caller: Caller, from: SessionRecord, reason: string): Promise<void> {
    await untilWon(async (lost) => {
      const session = lost === 0 ? from : await store.find(from.id);
      if (!session || session.endedAt) return true;
      const event = events.describe(caller, {
        type: reason === 'reuse_detected' ? 'session.reuse_detected' : 'session.ended',
        target: `session:${session.id}`,
        userId: session.userId,
        data: { reason },
        evicts: true,
      });
      return (await store.end(session, { endedAt: event.at, endReason: reason }, event)) || null;
    });
  }

  async function rotate(caller: Caller, session: SessionRecord, token: RefreshToken, now: Date) {
    const nonce = refreshTokens.newNonce();
    const successor = refreshTokens.successor(token, nonce);
    const place = { ip: caller.ip, network: networkOf(caller.ip), country: countryOf(caller.ip) };
    const idleExpiresAt = earlier(after(now, limits.refreshIdleTtl), session.expiresAt);
    const event = events.describe(caller, {
      type: 'session.refreshed',
      target: `session:${session.id}`,
      actorId: session.userId,
    });
    const { id, version, generation: fromGeneration } = session;
    const change = {
      id,
      version,
      fromGeneration,
      fromHash: token.hash,
      toHash: successor.hash,
      nonce,
      now,
      idleExpiresAt,
    };
    if (!(await store.rotate({ ...change, ...place }, event))) return null;
    const rotated = { ...session, ...place, generation: successor.generation, idleExpiresAt };
    return { session: rotated, token: successor };
  }

  /** A new access token for a session in which something was proved. */
  async function prove(
    caller: Caller,
    sessionId: string,
    proofs: readonly Proof[],
    how: { type: string; isFresh: boolean; demand: DemandSteps },
  ): Promise<SignedIn> {
    return untilWon(async () => {
      const session = await store.find(sessionId);
      const user = session && (await users.find(session.userId));
      const now = clock();
      if (!user || !isLive(session, user, now)) throw platformErrors.unauthenticated();
      how.demand(session, user);
      const { aal, organizationId } = session;
      const authTime = how.isFresh ? now : session.authTime;
      const change = { methods: latestProofs(session.methods, proofs), aal, authTime, organizationId };
      const about = { target: `session:${session.id}`, userId: user.id };
      const event = events.describe(caller, { type: how.type, ...about, evicts: true });
      if (!(await store.elevate(session, change, event))) return null;
      const roles = await roleCodesOf(user);
      const elevated = { ...session, ...change, version: session.version + 1 };
      return { ...accessTokenFor(elevated, roles), refreshToken: null, session: elevated, user, roles };
    });
  }

  return {
    async start(caller, user, { id, epoch, methods, aal }) {
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
        clientId: FIRST_PARTY,
        epoch,
        generation: token.generation,
        tokenHash: token.hash,
        previousHash: null,
        rotationNonce: null,
        rotatedAt: now,
        generationUsed: true,
        methods: [...methods],
        aal,
        authTime: latest(methods) ?? now,
        organizationId: null,
        parentId: null,
        grantId: null,
        jkt: null,
        providerId: null,
        device,
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
      await endOldestBeyondLimit(caller, user, now);
      return signedIn(session, token, user);
    },

    async refresh(caller, refreshToken, demandSteps) {
      const token = refreshTokens.parse(refreshToken);
      if (!token) throw sessionErrors.refresh_invalid();
      const device = parseDevice(caller.userAgent);
      return untilWon(async () => {
        const now = clock();
        const session = await store.find(token.sessionId);
        const user = session && (await users.find(session.userId));
        if (!user || !isLive(session, user, now) || session.idleExpiresAt <= now) throw sessionErrors.refresh_invalid();

        const verdict = judgeRefresh(session, token, device, now);
        if (verdict === 'rotate') {
          // Before anything is written: session and token stay as they are until the step is done. A lost answer is given again as it was: whoever
          // lacks the present token could not go on with it after a step.
          demandSteps(session, user);
          const rotated = await rotate(caller, session, token, now);
          return rotated && signedIn(rotated.session, rotated.token, user);
        }
        if (verdict === 'replayed') await endSession(caller, session, 'reuse_detected');
        const successor = verdict === 'repeat' ? successorAgain(token, session) : null;
        if (!successor) throw sessionErrors.refresh_invalid();
        return signedIn(session, successor, user);
      });
    },

    // A mailed code alone makes no fresh sign-in: mail can reset the password.
    elevate(caller, { id, generation }, proofs) {
      // A token that was rotated since belongs to somebody who went on without this step.
      const demand = (session: SessionRecord) => {
        if (session.generation !== generation) throw platformErrors.unauthenticated();
      };
      return prove(caller, id, proofs, { type: 'session.elevated', isFresh: false, demand });
    },

    async reauthenticate(caller, { sessionId }, demandSteps) {
      const proofs = [{ method: 'password', at: clock() } as const];
      const how = { type: 'session.reauthenticated', isFresh: true, demand: demandSteps };
      const { accessToken, expiresIn } = await prove(caller, sessionId, proofs, how);
      return { accessToken, expiresIn };
    },

    async signOut(caller, tokens) {
      const access = tokens.accessToken ? await accessTokens.verifyExpired(tokens.accessToken) : null;
      const refresh = tokens.refreshToken ? refreshTokens.parse(tokens.refreshToken) : null;
      const ids = new Set([access?.sessionId, refresh?.sessionId].filter((id) => id !== undefined));
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

  function successorAgain(token: RefreshToken, session: SessionRecord): RefreshToken | null {
    try {
      const successor = session.rotationNonce === null ? null : refreshTokens.successor(token, session.rotationNonce);
      return successor?.hash === session.tokenHash ? successor : null;
    } catch (error) {
      // The successor was made under a secret that is no longer configured.
      if (error instanceof UnknownKey) return null;
      throw error;
    }
  }
}

/** When something was last proved; by mail only where nothing else was: it makes no sign-in by password fresh. */
function latest(all: readonly Proof[]): Date | undefined {
  const others = all.filter(({ method }) => method !== 'email');
  const proofs = others.length > 0 ? others : all;
  return proofs.map(({ at }) => at).reduce<Date | undefined>((a, b) => (a && a > b ? a : b), undefined);
}

function earlier(a: Date, b: Date): Date {
  return a < b ? a : b;
}
