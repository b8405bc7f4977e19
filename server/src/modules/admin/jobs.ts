import { after, type Clock } from '../../platform/clock.ts';
import { outcomeOf } from '../../platform/errors.ts';
import { SYSTEM_CALLER } from '../../platform/http/system-caller.ts';
import { PURGE_BATCH } from '../../platform/queue/purge.ts';
import type { Periodic } from '../schedules/periodic.ts';
import { GRACE_PERIOD } from '../users/names.ts';
import type { UserStore } from '../users/user-store.ts';
import type { UserAdmin } from './user-admin.ts';

/** Erases accounts that were deleted and not restored in time. */
export function registerErasureOfDeleted(deps: {
  periodic: Periodic;
  admin: Pick<UserAdmin, 'erase'>;
  userStore: UserStore;
  clock: Clock;
}): void {
  const { periodic, admin, userStore, clock } = deps;

  /** A user who was restored at the last moment is not refused, but not erased either. */
  async function isStillThere(id: string): Promise<boolean> {
    const user = await userStore.find(id);
    return user !== null && user.status !== 'erased';
  }

  periodic({
    name: 'users.erase-deleted',
    cron: '57 * * * *',
    async run({ signal, log }) {
      const deletedBefore = after(clock(), -GRACE_PERIOD);
      const refused = new Set<string>();
      let erased = 0;
      for (;;) {
        const ids = (await userStore.listDeletedBefore(deletedBefore, PURGE_BATCH)).filter((id) => !refused.has(id));
        if (ids.length === 0) return { erased };
        for (const id of ids) {
          signal.throwIfAborted();
          const refusal = await outcomeOf(admin.erase(SYSTEM_CALLER, id, { deletedBefore }));
          if (refusal !== null) log(`${id}: ${refusal.code}`);
          else if (!(await isStillThere(id))) erased++;
          refused.add(id);
        }
      }
    },
  });
}
