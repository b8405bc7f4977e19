import { MINUTE, SECOND } from '../../platform/clock.ts';
import { type Device, sameDevice } from '../../platform/http/device.ts';
import type { RefreshToken } from './refresh-token.ts';
import type { SessionRecord } from './session-store.ts';

/** For how long a predecessor is honoured while its successor has not been rotated: two requests of one client that crossed. */
export const CROSSED_REQUESTS = 10 * SECOND;
/** For how long while nothing at all shows that its successor arrived: an answer that was lost. */
export const LOST_ANSWER = 2 * MINUTE;

/**
 * What a genuine refresh token of a live session is worth.
 * - `rotate`: the present one; whoever changes the session first has the rotation.
 * - `repeat`: its predecessor, honestly: gets the same successor again.
 * - `replayed`: an older one, so somebody holds what they should not: the session must end (RFC 9700, 4.14.2).
 * - `refused`: from another kind of client, or from a future that a restored database forgot: nothing changes.
 */
export type RefreshVerdict = 'rotate' | 'repeat' | 'replayed' | 'refused';

export function judgeRefresh(session: SessionRecord, token: RefreshToken, device: Device, now: Date): RefreshVerdict {
  const alike = sameDevice(session.device, device);
  if (token.generation > session.generation) return 'refused';
  if (token.generation === session.generation) return token.hash === session.tokenHash && alike ? 'rotate' : 'refused';

  const isPredecessor = token.generation === session.generation - 1 && token.hash === session.previousHash;
  const age = now.getTime() - session.rotatedAt.getTime();
  const honest = age <= CROSSED_REQUESTS || (age <= LOST_ANSWER && !session.generationUsed);
  return isPredecessor && alike && honest ? 'repeat' : 'replayed';
}
