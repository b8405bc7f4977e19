import type { UserRecord } from '../users/user-store.ts';
import type { SessionRecord } from './session-store.ts';

/** Whether a session is still good: it has not ended or expired, and its user is active and has not ended all sessions since it began. */
export function isLive(
  session: Pick<SessionRecord, 'id' | 'epoch' | 'endedAt' | 'expiresAt'>,
  user: Pick<UserRecord, 'status' | 'sessionEpoch' | 'keptSessionId'>,
  now: Date,
): boolean {
  if (session.endedAt || session.expiresAt <= now || user.status !== 'active') return false;
  return session.epoch >= user.sessionEpoch || session.id === user.keptSessionId;
}
