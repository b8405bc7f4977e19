import type { Static } from 'typebox';
import { outcomeOf, platformErrors } from '../../platform/errors.ts';
import { type Caller, OPERATOR } from '../../platform/http/caller.ts';
import { permissionCode } from '../../platform/http/catalogue.ts';
import type { Authorize } from '../../platform/http/guard.ts';
import type { ItemResult } from '../../platform/http/results.ts';
import type { bulkAction } from './schemas.ts';
import type { UserAdmin } from './user-admin.ts';

export type BulkAction = Static<typeof bulkAction>;

const USER = '/api/v1/admin/users/:id';

/** The call for one user, and the permission that it needs: a caller without it must not apply the action to several users either. */
const SINGLE: Record<
  BulkAction,
  { code: string; act: (admin: UserAdmin, caller: Caller, id: string) => Promise<unknown> }
> = {
  activate: { code: permissionCode('POST', `${USER}/activate`), act: (admin, ...to) => admin.activate(...to) },
  deactivate: { code: permissionCode('POST', `${USER}/deactivate`), act: (admin, ...to) => admin.deactivate(...to) },
  unlock: { code: permissionCode('POST', `${USER}/unlock`), act: (admin, ...to) => admin.unlock(...to) },
  'password-reset': {
    code: permissionCode('POST', `${USER}/password-reset`),
    act: (admin, ...to) => admin.mailReset(...to),
  },
  delete: { code: permissionCode('DELETE', USER), act: (admin, ...to) => admin.remove(...to) },
  restore: { code: permissionCode('POST', `${USER}/restore`), act: (admin, ...to) => admin.restore(...to) },
};

export interface Bulk {
  /** Applies one action to the users, one after another; each has its own result. Throws `forbidden` without the permission for one. */
  run(caller: Caller, action: BulkAction, ids: readonly string[]): Promise<ItemResult[]>;
}

/** Applies the actions of `admin` to several users. */
export function createBulk({ admin, authorize }: { admin: UserAdmin; authorize: Authorize }): Bulk {
  return {
    async run(caller, action, ids) {
      const { code, act } = SINGLE[action];
      const { actor } = caller;
      if (actor === null || actor === OPERATOR) throw platformErrors.forbidden();
      if ((await authorize(actor, { permission: code })) !== 'granted') throw platformErrors.forbidden();
      const results: ItemResult[] = [];
      for (const id of ids) results.push({ id, error: await outcomeOf(act(admin, caller, id)) });
      return results;
    },
  };
}
