import { after, type Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import { UnknownKey } from '../../platform/crypto/keyring.ts';
import { platformErrors } from '../../platform/errors.ts';
import { countryOf } from '../../platform/geo/country.ts';
import type { Actor, Caller } from '../../platform/http/caller.ts';
import { parseDevice, sameDevice } from '../../platform/http/device.ts';
import { networkOf } from '../../platform/http/network.ts';
import { newId } from '../../platform/ids.ts';
import type { Events } from '../events/events.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { AccessTokens } from './access-token.ts';
import { sessionErrors } from './errors.ts';
import { isLive } from './liveness.ts';
import { judgeRefresh } from './refresh-rules.ts';
import type { RefreshToken, RefreshTokens } from './refresh-token.ts';
import type { SessionRecord, SessionStore } from './session-store.ts';

/** What a successful sign-in or refresh hands out. */
export interface SignedIn {
  accessToken: string;
  /** Seconds. */
  expiresIn: number;
  refreshToken: string;
  session: SessionRecord;
  user: UserRecord;
  roles: string[];
}

export interface Sessions {
  /** Begins a session for a user whose record was read before the proof of who they are. */
  start(caller: Caller, user: UserRecord, how: { amr: string[] }): Promise<SignedIn>;
  /** Rotates a refresh token. Throws `refresh_invalid`. */
  refresh(caller: Caller, refreshToken: string): Promise<SignedIn>;
  /** Notes that the password was proved again; a new access token for the same session. Throws `unauthenticated` where it is over. */
  reauthenticate(caller: Caller, actor: Actor): Promise<{ accessToken: string; expiresIn: number }>;
  /** Ends the session that any genuine token names, an expired one too; false where none is genuine. */
  signOut(caller: Caller, tokens: { accessToken: string | null; refreshToken: string | null }): Promise<boolean>;
  /** A user's live sessions, the latest first. */
  list(userId: string): Promise<SessionRecord[]>;
  /** Ends one of the user's own. Throws `session_not_found`. */
  end(caller: Caller, userId: string, sessionId: string): Promise<void>;
}

const CLIENT_ID = 'ostiary';
/** How many earlier sessions decide whether a device, network or country is new. */
const REMEMBERED_SIGN_INS = 50;
/** Rounds of reading and conditional writing before somebody else's luck is called overload. */
const ATTEMPTS = 20;
const RETRY_SOON = { headers: { 'retry-after': '1' } };

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
    const { id: sessionId, userId, clientId, generation, authTime, amr } = session;
    return accessTokens.issue({ userId, sessionId, clientId, generation, authTime, amr, roles });
  }

  async function endOldestBeyondLimit(caller: Caller, user: UserRecord, now: Date): Promise<void> {
    const live = (await store.listOpen(user.id, now)).filter((session) => isLive(session, user, now));
    for (const session of live.slice(0, Math.max(0, live.length - limits.sessionLimit))) {
      await endSession(caller, session, 'session_limit');
    }
  }

  /** Throws `overloaded` where it could not be ended: nobody may be told that a session is over while it goes on. */
  async function endSession(caller: Caller, from: SessionRecord, reason: string): Promise<void> {
    let session: SessionRecord | null = from;
    for (let attempt = 0; session && !session.endedAt; attempt++) {
      if (attempt === ATTEMPTS) throw platformErrors.overloaded(RETRY_SOON);
      const event = events.describe(caller, {
        type: reason === 'reuse_detected' ? 'session.reuse_detected' : 'session.ended',
        target: `session:${session.id}`,
        userId: session.userId,
        data: { reason },
        evicts: true,
      });
      if (await store.end(session, { endedAt: event.at, endReason: reason }, event)) return;
      session = await store.find(session.id);
    }
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

  return {
    async start(caller, user, { amr }) {
      const now = clock();
      const device = parseDevice(caller.userAgent);
      const place = { ip: caller.ip, network: networkOf(caller.ip), country: countryOf(caller.ip) };
      const earlierOnes = await store.listLatest(user.id, REMEMBERED_SIGN_INS);
      const isNew = (known: (session: SessionRecord) => boolean) => earlierOnes.length > 0 && !earlierOnes.some(known);
      const token = refreshTokens.first(newId(now));
      const expiresAt = after(now, limits.refreshAbsoluteTtl);
      const session: SessionRecord = {
        id: token.sessionId,
        userId: user.id,
        clientId: CLIENT_ID,
        epoch: user.sessionEpoch,
        generation: token.generation,
        tokenHash: token.hash,
        previousHash: null,
        rotationNonce: null,
        rotatedAt: now,
        generationUsed: true,
        amr,
        authTime: now,
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
          amr,
          newDevice: isNew((known) => sameDevice(known.device, device)),
          newNetwork: isNew((known) => known.network === place.network),
          newCountry: place.country !== null && isNew((known) => known.country === place.country),
        },
      });
      await store.create(session, event);
      await endOldestBeyondLimit(caller, user, now);
      return signedIn(session, token, user);
    },

    async refresh(caller, refreshToken) {
      const token = refreshTokens.parse(refreshToken);
      if (!token) throw sessionErrors.refresh_invalid();
      const device = parseDevice(caller.userAgent);
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const now = clock();
        const session = await store.find(token.sessionId);
        const user = session && (await users.find(session.userId));
        if (!user || !isLive(session, user, now) || session.idleExpiresAt <= now) throw sessionErrors.refresh_invalid();

        const verdict = judgeRefresh(session, token, device, now);
        if (verdict === 'rotate') {
          const rotated = await rotate(caller, session, token, now);
          if (rotated) return signedIn(rotated.session, rotated.token, user);
          continue;
        }
        if (verdict === 'replayed') await endSession(caller, session, 'reuse_detected');
        const successor = verdict === 'repeat' ? successorAgain(token, session) : null;
        if (!successor) throw sessionErrors.refresh_invalid();
        return signedIn(session, successor, user);
      }
      throw platformErrors.overloaded(RETRY_SOON);
    },

    async reauthenticate(caller, actor) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const session = await store.find(actor.sessionId);
        const user = session && (await users.find(session.userId));
        const now = clock();
        if (!user || !isLive(session, user, now)) throw platformErrors.unauthenticated();
        const event = events.describe(caller, {
          type: 'session.reauthenticated',
          target: `session:${session.id}`,
          userId: session.userId,
        });
        if (await store.reauthenticate(session, now, event)) {
          return accessTokenFor({ ...session, authTime: now }, await roleCodesOf(user));
        }
      }
      throw platformErrors.overloaded(RETRY_SOON);
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

function earlier(a: Date, b: Date): Date {
  return a < b ? a : b;
}
