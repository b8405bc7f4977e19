import type { Static } from 'typebox';
import type { Clock } from '../../platform/clock.ts';
import { outcomeOf } from '../../platform/errors.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { demandFreshProof } from '../../platform/http/guard.ts';
import type { ItemResult } from '../../platform/http/results.ts';
import type { Authority } from '../access/authority.ts';
import { PERMISSIONS } from './permissions.ts';
import type { bulkAction } from './schemas.ts';
import type { UserAdmin } from './user-admin.ts';

export type BulkAction = Static<typeof bulkAction>;

/** The call for one user, and whether its route asks for a fresh proof. */
const SINGLE: Record<
  BulkAction,
  { fresh: boolean; act: (admin: UserAdmin, caller: Caller, id: string) => Promise<unknown> }
> = {
  activate: { fresh: true, act: (admin, ...to) => admin.activate(...to) },
  deactivate: { fresh: false, act: (admin, ...to) => admin.deactivate(...to) },
  unlock: { fresh: false, act: (admin, ...to) => admin.unlock(...to) },
  'password-reset': { fresh: true, act: (admin, ...to) => admin.mailReset(...to) },
  delete: { fresh: false, act: (admin, ...to) => admin.remove(...to) },
  restore: { fresh: true, act: (admin, ...to) => admin.restore(...to) },
};

export interface Bulk {
  /**
   * Applies one action to the users, one after another; each has its own result. Throws what the guard of the route for one user would:
   * `forbidden`, `reauth_required`.
   */
  run(caller: Caller, action: BulkAction, ids: readonly string[]): Promise<ItemResult[]>;
}

/** Applies the actions of `admin` to several users. */
export function createBulk(deps: { admin: UserAdmin; authority: Authority; clock: Clock }): Bulk {
  const { admin, authority, clock } = deps;
  return {
    async run(caller, action, ids) {
      const { fresh, act } = SINGLE[action];
      await authority.demandPermission(caller, PERMISSIONS[action]);
      if (fresh) demandFreshProof(caller, clock);
      const results: ItemResult[] = [];
      for (const id of ids) results.push({ id, error: await outcomeOf(act(admin, caller, id)) });
      return results;
    },
  };
}
