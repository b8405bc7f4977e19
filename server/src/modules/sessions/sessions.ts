import { after, type Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import { UnknownKey } from '../../platform/crypto/keyring.ts';
import { platformErrors } from '../../platform/errors.ts';
import { countryOf } from '../../platform/geo/country.ts';
import type { Caller, SessionActor } from '../../platform/http/caller.ts';
import { type Device, parseDevice, sameDevice } from '../../platform/http/device.ts';
import { networkOf } from '../../platform/http/network.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { Events } from '../events/events.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { AccessTokens } from './access-token.ts';
import { isNewClient, mayRefresh, type PresentedRefreshToken, refreshedBy } from './client-binding.ts';
import { sessionErrors } from './errors.ts';
import { isLive } from './liveness.ts';
import { amrOf, FIRST_PARTY, latestProofs } from './names.ts';
import { judgeRefresh } from './refresh-rules.ts';
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
}

/** What the sign-in engine decided about a new session. */
export interface SessionStart {
  /** The session's id, which is that of its flow: the insert uses the flow up. */
  id: string;
  /** The user's `sessionEpoch` before the proof. If all sessions were ended since, this one is not live. */
  epoch: number;
  methods: readonly Proof[];
  aal: SessionRecord['aal'];
}

/** Called before a session is extended or elevated. Throws to refuse, before anything is written. */
export type DemandSteps = (session: SessionRecord, user: UserRecord) => Promise<void>;

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
   * `unauthenticated` if the session is over or was rotated since.
   */
  elevate(
    caller: Caller,
    session: Pick<SessionRecord, 'id' | 'generation'>,
    how: Pick<SessionStart, 'methods' | 'aal'>,
  ): Promise<SignedIn>;
  /**
   * Notes that the password was proved again, and issues a new access token for the same session. Only for the sign-in engine. Throws
   * `unauthenticated` if the session is over, and what `demandSteps` throws.
   */
  reauthenticate(
    caller: Caller,
    actor: SessionActor,
    demandSteps: DemandSteps,
  ): Promise<{ accessToken: string; expiresIn: number }>;
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

/** Begins, rotates, elevates and ends sessions. */
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

  /**
   * Throws `overloaded` if the session could not be ended: no caller may be told that a live session is over. It takes no turn: a refresh
   * calls it in its own.
   */
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

  async function rotate(caller: Caller, session: SessionRecord, token: RefreshToken, device: Device, now: Date) {
    const nonce = refreshTokens.newNonce();
    const successor = refreshTokens.successor(token, nonce);
    const place = { ip: caller.ip, network: networkOf(caller.ip), country: countryOf(caller.ip) };
    const idleExpiresAt = earlier(after(now, limits.refreshIdleTtl), session.expiresAt);
    const client = refreshedBy(session, device);
    const about = { target: `session:${session.id}`, actorId: session.userId };
    // Only the other client is news for the owner.
    const event = isNewClient(session, client)
      ? events.describe(caller, { ...about, type: 'session.client_changed', userId: session.userId })
      : events.describe(caller, { ...about, type: 'session.refreshed' });
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
      refreshedBy: client,
    };
    if (!(await store.rotate({ ...change, ...place }, event))) return null;
    const rotated = { ...session, ...place, generation: successor.generation, idleExpiresAt, refreshedBy: client };
    return { session: rotated, token: successor };
  }

  async function idsIn({ accessToken, refreshToken }: PresentedTokens): Promise<string[]> {
    const access = accessToken ? await accessTokens.verifyExpired(accessToken) : null;
    const refresh = refreshToken ? refreshTokens.parse(refreshToken) : null;
    return [access?.sessionId, refresh?.sessionId].filter((id) => id !== undefined);
  }

  /** Adds proofs to a session and issues a new access token. */
  async function prove(
    caller: Caller,
    sessionId: string,
    how: { type: string; methods: readonly Proof[]; aal?: SessionRecord['aal']; isFresh: boolean; demand: DemandSteps },
  ): Promise<SignedIn> {
    return untilWon(
      async () => {
        const session = await store.find(sessionId);
        const user = session && (await users.find(session.userId));
        const now = clock();
        if (!user || !isLive(session, user, now)) throw platformErrors.unauthenticated();
        await how.demand(session, user);
        const { aal = session.aal } = how;
        const { organizationId } = session;
        const authTime = how.isFresh ? now : session.authTime;
        const change = { methods: latestProofs(session.methods, how.methods), aal, authTime, organizationId };
        const about = { target: `session:${session.id}`, userId: user.id };
        const event = events.describe(caller, { type: how.type, ...about, evicts: true });
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

    async refresh(caller, presented, demandSteps) {
      const token = refreshTokens.parse(presented.text);
      if (!token) throw sessionErrors.refresh_invalid();
      const device = parseDevice(caller.userAgent);
      return untilWon(
        async () => {
          const now = clock();
          const session = await store.find(token.sessionId);
          const user = session && (await users.find(session.userId));
          if (!user || !isLive(session, user, now) || session.idleExpiresAt <= now)
            throw sessionErrors.refresh_invalid();

          const isOurClient = mayRefresh(session, user, device, presented, limits.refreshBinding);
          const verdict = judgeRefresh(session, token, isOurClient, now);
          if (verdict === 'rotate') {
            // Before anything is written, so that session and token stay as they are until the step is done.
            await demandSteps(session, user).catch(async (error) => {
              // The client has the present token, so its predecessor was not sent again because of a lost answer.
              await store.markUsed(session.id, session.generation, now);
              throw error;
            });
            const rotated = await rotate(caller, session, token, device, now);
            return rotated && signedIn(rotated.session, rotated.token, user);
          }
          if (verdict === 'replayed') await endSession(caller, session, 'reuse_detected');
          // `crossed` asks for no step: seconds ago, none was due. A lost answer may be asked for again for weeks, so it must not be a way
          // round the step.
          if (verdict === 'lost_answer') await demandSteps(session, user);
          const isRepeated = verdict === 'crossed' || verdict === 'lost_answer';
          const successor = isRepeated ? successorAgain(token, session) : null;
          if (!successor) throw sessionErrors.refresh_invalid();
          return signedIn(session, successor, user);
        },
        { record: `session:${token.sessionId}` },
      );
    },

    // `isFresh: false`: mail can reset the password, so a mailed code does not make the sign-in fresh.
    elevate(caller, { id, generation }, { methods, aal }) {
      // If the token was rotated since, its holder continued without this step.
      const demand = async (session: SessionRecord) => {
        if (session.generation !== generation) throw platformErrors.unauthenticated();
      };
      return prove(caller, id, { type: 'session.elevated', methods, aal, isFresh: false, demand });
    },

    async reauthenticate(caller, { sessionId }, demandSteps) {
      const methods = [{ method: 'password', at: clock() } as const];
      const how = { type: 'session.reauthenticated', methods, isFresh: true, demand: demandSteps };
      const { accessToken, expiresIn } = await prove(caller, sessionId, how);
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

  function successorAgain(token: RefreshToken, session: SessionRecord): RefreshToken | null {
    try {
      const successor = session.rotationNonce === null ? null : refreshTokens.successor(token, session.rotationNonce);
      return successor?.hash === session.tokenHash ? successor : null;
    } catch (error) {
      // The successor was made with a secret that is no longer configured.
      if (error instanceof UnknownKey) return null;
      throw error;
    }
  }
}

/** The time of the latest proof. A mailed code counts only if there is no other proof: it does not make a sign-in by password fresh. */
function latest(all: readonly Proof[]): Date | undefined {
  const others = all.filter(({ method }) => method !== 'email');
  const proofs = others.length > 0 ? others : all;
  return proofs.map(({ at }) => at).reduce<Date | undefined>((a, b) => (a && a > b ? a : b), undefined);
}

function earlier(a: Date, b: Date): Date {
  return a < b ? a : b;
}
