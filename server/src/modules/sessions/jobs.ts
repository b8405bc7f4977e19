import { after, type Clock, DAY } from '../../platform/clock.ts';
import { PURGE_BATCH } from '../../platform/queue/purge.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { SessionStore } from './session-store.ts';

/** How long a session is kept after its end, in milliseconds: by these a sign-in from a known device is told from one that is new. */
export const SESSIONS_KEPT = 90 * DAY;

/** Takes away sessions that ended long ago. */
export function registerSessionPurge(deps: { periodic: Periodic; store: SessionStore; clock: Clock }): void {
  const { periodic, store, clock } = deps;
  periodic({
    name: 'purge.sessions',
    cron: '27 3 * * *',
    async run({ signal }) {
      const before = after(clock(), -SESSIONS_KEPT);
      let removed = 0;
      for (let last: string | null = null; ; ) {
        signal.throwIfAborted();
        const page = await store.purge(before, { after: last, limit: PURGE_BATCH });
        removed += page.removed;
        if (page.last === null) return { removed };
        last = page.last;
      }
    },
  });
}
