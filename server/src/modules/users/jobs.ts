import type { Periodic } from '../schedules/periodic.ts';
import type { UserStore } from './user-store.ts';

/** Users whose terms one step writes, so that no statement holds up others for long. */
const BATCH = 100;

/**
 * Registers the job that writes the search terms of users again once a new version has changed how they are made; until it has, a search can
 * miss those users. It runs often, because it has nothing to do but after an update, and then finds that out by an index.
 */
export function registerUserJobs({ periodic, store }: { periodic: Periodic; store: UserStore }): void {
  periodic({
    name: 'users.search-terms',
    cron: '*/15 * * * *',
    async run({ signal }) {
      for (let written = 0; ; ) {
        signal.throwIfAborted();
        const count = await store.rebuildTerms(BATCH);
        written += count;
        if (count === 0) return { written };
      }
    },
  });
}
