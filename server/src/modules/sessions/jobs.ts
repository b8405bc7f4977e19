import { after, type Clock, DAY } from '../../platform/clock.ts';
import { PURGE_BATCH } from '../../platform/queue/purge.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { SessionStore } from './session-store.ts';

/** Milliseconds that an ended session is kept. A sign-in compares its device and network with these to tell whether they are new. */
export const SESSIONS_KEPT = 90 * DAY;

/** Registers the job that deletes sessions which ended long ago. */
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
