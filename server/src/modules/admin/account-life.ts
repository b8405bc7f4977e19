import type { Caller } from '../../platform/http/caller.ts';
import type { Superadmins } from '../access/superadmins.ts';
import type { EventStore } from '../events/event-store.ts';
import { userErrors } from '../users/errors.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { AccountAccess } from './account-access.ts';

/** Shutting an account out, letting it in again, and its end. */
export interface AccountLife {
  /** Throws `status_conflict` for a deleted user. */
  activate(caller: Caller, id: string): Promise<UserRecord>;
  /** Ends every session. Throws `status_conflict`, `self_protected`, `superadmin_protected`. */
  deactivate(caller: Caller, id: string): Promise<UserRecord>;
  /** Soft: restorable until it is erased; ends every session. Throws `self_protected`, `superadmin_protected`. */
  remove(caller: Caller, id: string): Promise<void>;
  /** To the status from before the deletion. Throws `status_conflict` for a user who is not deleted. */
  restore(caller: Caller, id: string): Promise<UserRecord>;
  /**
   * For good; names and addresses are free at once. With `deletedBefore`, only who was deleted before then and is so still.
   * Throws `self_protected`, `superadmin_protected`.
   */
  erase(caller: Caller, id: string, options?: { deletedBefore?: Date }): Promise<void>;
}

export function createAccountLife(deps: {
  store: UserStore;
  access: AccountAccess;
  superadmins: Superadmins;
  eventStore: EventStore;
  /** Forgets what waits for an address: registrations, and wishes for a new password. */
  forgetAddress: (emailNorm: string) => Promise<void>;
}): AccountLife {
  const { store, superadmins, eventStore, forgetAddress } = deps;
  const { change, describe } = deps.access;

  const statusChange = (before: string, after: string) => ({ before: { status: before }, after: { status: after } });

  /** What it takes to end somebody's account: no superadmin, and no grant under way that makes them one. */
  const demandNotSuperadmin = (caller: Caller, user: UserRecord) =>
    user.superadminMark ? superadmins.demandNotSuperadmin(caller, user.id) : Promise.resolve();

  /** Whoever was shut out must not come in by way of a deletion. */
  async function statusBeforeDeletion(id: string): Promise<'active' | 'disabled'> {
    // In the order of the changes themselves; by time, two of the same millisecond would have none.
    const history = await eventStore.listForTarget(`user:${id}`);
    const last = history.findLast(({ type }) => type === 'user.deleted');
    const { status } = (last?.data.before ?? {}) as { status?: unknown };
    return status === 'disabled' ? 'disabled' : 'active';
  }

  return {
    activate: (caller, id) =>
      change(caller, id, 'demandOver', (user, at) => {
        if (user.status === 'deleted') throw userErrors.status_conflict();
        if (user.status === 'active') return null;
        const event = describe(caller, 'user.activated', user, statusChange(user.status, 'active'));
        return store.setStatus(at, { status: 'active', sessionEpoch: user.sessionEpoch }, event);
      }),

    deactivate: (caller, id) =>
      change(caller, id, 'demandOverOther', async (user, at) => {
        if (user.status === 'deleted') throw userErrors.status_conflict();
        if (user.status === 'disabled') return null;
        await demandNotSuperadmin(caller, user);
        const event = describe(caller, 'user.deactivated', user, statusChange(user.status, 'disabled'));
        return store.setStatus(at, { status: 'disabled', sessionEpoch: user.sessionEpoch + 1 }, event);
      }),

    async remove(caller, id) {
      await change(caller, id, 'demandOverOther', async (user, at) => {
        if (user.status === 'deleted') return null;
        await demandNotSuperadmin(caller, user);
        const event = describe(caller, 'user.deleted', user, statusChange(user.status, 'deleted'));
        const { sessionEpoch, grantEpoch } = user;
        return store.softDelete(at, { sessionEpoch: sessionEpoch + 1, grantEpoch: grantEpoch + 1 }, event);
      });
    },

    restore: (caller, id) =>
      change(caller, id, 'demandOver', async (user, at) => {
        if (user.status !== 'deleted') throw userErrors.status_conflict();
        const status = await statusBeforeDeletion(id);
        const event = describe(caller, 'user.restored', user, statusChange('deleted', status));
        return store.setStatus(at, { status, sessionEpoch: user.sessionEpoch + 1 }, event);
      }),

    async erase(caller, id, options = {}) {
      const { deletedBefore } = options;
      let address: string | null = null;
      await change(caller, id, 'demandOverOther', async (user, at) => {
        // Who was restored meanwhile stays.
        const isDue = user.status === 'deleted' && user.deletedAt !== null && user.deletedAt < (deletedBefore ?? 0);
        if (deletedBefore !== undefined && !isDue) return null;
        await demandNotSuperadmin(caller, user);
        address = user.emailNorm;
        if (address !== null) await forgetAddress(address);
        const event = describe(caller, 'user.erased', user, statusChange(user.status, 'erased'));
        const { sessionEpoch, grantEpoch, credentialEpoch } = user;
        return store.erase(
          at,
          {
            sessionEpoch: sessionEpoch + 1,
            grantEpoch: grantEpoch + 1,
            credentialEpoch: credentialEpoch + 1,
          },
          event,
        );
      });
      // Before it, or a crash would leave something for ever; and after it, for what came in between.
      if (address !== null) await forgetAddress(address);
    },
  };
}
