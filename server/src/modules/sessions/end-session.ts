import type { Caller } from '../../platform/http/caller.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { Events } from '../events/events.ts';
import type { SessionRecord, SessionStore } from './session-store.ts';

/**
 * Ends a session, unless it has ended. Throws `overloaded` if it could not be ended: no caller may be told that a live session is over. It
 * takes no turn: a refresh calls it in its own.
 */
export type EndSession = (caller: Caller, session: SessionRecord, reason: string) => Promise<void>;

/** `const endSession = createEndSession({ store, events })`. */
export function createEndSession({ store, events }: { store: SessionStore; events: Events }): EndSession {
  return async (caller, from, reason) => {
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
  };
}
