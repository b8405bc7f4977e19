import { MINUTE, SECOND } from '../../platform/clock.ts';
import { type Device, sameDevice } from '../../platform/http/device.ts';
import type { RefreshToken } from './refresh-token.ts';
import type { SessionRecord } from './session-store.ts';

/** Milliseconds that a predecessor is accepted while its successor was not rotated: two requests of one client crossed. */
export const CROSSED_REQUESTS = 10 * SECOND;
/** Milliseconds that a predecessor is accepted while nothing shows that its successor arrived: the answer was lost. */
export const LOST_ANSWER = 2 * MINUTE;

/**
 * What to do with a genuine refresh token of a live session.
 * - `rotate`: it is the present one. The first request that changes the session gets the rotation.
 * - `repeat`: it is the predecessor, sent again by an honest client, which gets the same successor again.
 * - `replayed`: it is older, so a copy is in other hands: the session must end (RFC 9700, 4.14.2).
 * - `refused`: it comes from another kind of client, or is newer than a restored database knows: nothing changes.
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
