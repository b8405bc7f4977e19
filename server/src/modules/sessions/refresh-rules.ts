import { SECOND } from '../../platform/clock.ts';
import type { RefreshToken } from './refresh-token.ts';
import type { SessionRecord } from './session-store.ts';

/** Milliseconds that a predecessor is accepted while its successor was not rotated: two requests of one client crossed. */
export const CROSSED_REQUESTS = 10 * SECOND;

/**
 * What to do with a genuine refresh token of a live session.
 * - `rotate`: it is the present one. The first request that changes the session gets the rotation.
 * - `crossed`: it is the predecessor, seconds after the rotation: two requests of one client crossed, and both get the same successor.
 * - `lost_answer`: it is the predecessor, and nothing shows that the successor arrived. It gets the same successor again, for as long as
 *   the session may idle: a phone may sleep through an answer for days.
 * - `replayed`: it is older, or its successor is in use, so a copy is in other hands: the session must end (RFC 9700, 4.14.2).
 * - `refused`: it comes from a client that may not send it, or is newer than a restored database knows: nothing changes.
 */
export type RefreshVerdict = 'rotate' | 'crossed' | 'lost_answer' | 'replayed' | 'refused';

/** `mayRefresh`: whether the token may come from this client. */
export function judgeRefresh(
  session: SessionRecord,
  token: RefreshToken,
  mayRefresh: boolean,
  now: Date,
): RefreshVerdict {
  if (token.generation > session.generation) return 'refused';
  if (token.generation === session.generation)
    return token.hash === session.tokenHash && mayRefresh ? 'rotate' : 'refused';

  const isPredecessor = token.generation === session.generation - 1 && token.hash === session.previousHash;
  if (!isPredecessor || !mayRefresh) return 'replayed';
  if (now.getTime() - session.rotatedAt.getTime() <= CROSSED_REQUESTS) return 'crossed';
  return session.generationUsed ? 'replayed' : 'lost_answer';
}
