import { after, type Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import { UnknownKey } from '../../platform/crypto/keyring.ts';
import { countryOf } from '../../platform/geo/country.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { type Device, parseDevice } from '../../platform/http/device.ts';
import { networkOf } from '../../platform/http/network.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { Events } from '../events/events.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import { isNewClient, mayRefresh, refreshedBy } from './client-binding.ts';
import type { EndSession } from './end-session.ts';
import { sessionErrors } from './errors.ts';
import { isLive } from './liveness.ts';
import { judgeRefresh } from './refresh-rules.ts';
import type { RefreshToken, RefreshTokens } from './refresh-token.ts';
import type { SessionRecord, SessionStore } from './session-store.ts';
import type { Sessions, SignedIn } from './sessions.ts';

/** Exchanges refresh tokens: `const refresh = createRefresh({ store, users, events, refreshTokens, endSession, signedIn, … })`. */
export function createRefresh(deps: {
  store: SessionStore;
  users: UserStore;
  events: Events;
  refreshTokens: RefreshTokens;
  endSession: EndSession;
  /** The answer with this refresh token. */
  signedIn: (session: SessionRecord, token: RefreshToken, user: UserRecord) => Promise<SignedIn>;
  limits: Config['tokens'];
  clock: Clock;
}): Sessions['refresh'] {
  const { store, users, events, refreshTokens, endSession, signedIn, limits, clock } = deps;

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

  return async (caller, presented, demandSteps) => {
    const token = refreshTokens.parse(presented.text);
    if (!token) throw sessionErrors.refresh_invalid();
    const device = parseDevice(caller.userAgent);
    return untilWon(
      async () => {
        const now = clock();
        const session = await store.find(token.sessionId);
        const user = session && (await users.find(session.userId));
        if (!user || !isLive(session, user, now) || session.idleExpiresAt <= now) throw sessionErrors.refresh_invalid();

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
  };
}

function earlier(a: Date, b: Date): Date {
  return a < b ? a : b;
}
