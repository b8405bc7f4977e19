import type { Caller } from '../../platform/http/caller.ts';
import type { Superadmins } from '../access/superadmins.ts';
import type { EventStore } from '../events/event-store.ts';
import { userErrors } from '../users/errors.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { AccountAccess } from './account-access.ts';

/** Disables, activates, deletes, restores and erases accounts. */
export interface AccountLife {
  /** Throws `status_conflict` for a deleted user. */
  activate(caller: Caller, id: string): Promise<UserRecord>;
  /** Ends every session. Throws `status_conflict`, `self_protected`, `superadmin_protected`. */
  deactivate(caller: Caller, id: string): Promise<UserRecord>;
  /** Deletes the account, restorable until it is erased, and ends every session. Throws `self_protected`, `superadmin_protected`. */
  remove(caller: Caller, id: string): Promise<void>;
  /** Gives a deleted user the status from before the deletion. Throws `status_conflict` for a user who is not deleted. */
  restore(caller: Caller, id: string): Promise<UserRecord>;
  /**
   * Erases the user permanently; their name and address are free immediately. With `deletedBefore`, does nothing unless the user was
   * deleted before then and still is. Throws `self_protected`, `superadmin_protected`.
   */
  erase(caller: Caller, id: string, options?: { deletedBefore?: Date }): Promise<void>;
}

/** Creates the use cases. Each runs under the rules of privileges, see `AccountAccess.change`. */
export function createAccountLife(deps: {
  store: UserStore;
  access: AccountAccess;
  superadmins: Superadmins;
  eventStore: EventStore;
  /** Removes the registrations and password resets of an address. */
  forgetAddress: (emailNorm: string) => Promise<void>;
}): AccountLife {
  const { store, superadmins, eventStore, forgetAddress } = deps;
  const { change, describe } = deps.access;

  const statusChange = (before: string, after: string) => ({ before: { status: before }, after: { status: after } });

  /** A user without the mark is no superadmin; a concurrent grant sets the mark, and so makes the caller's write fail (decision 8). */
  const demandNotSuperadmin = (caller: Caller, user: UserRecord) =>
    user.superadminMark ? superadmins.demandNotSuperadmin(caller, user.id) : Promise.resolve();

  /** Deleting and restoring a disabled user must not activate them. */
  async function statusBeforeDeletion(id: string): Promise<'active' | 'disabled'> {
    // In the order of the changes: two events of the same millisecond could not be ordered by time.
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
        // A user who was restored in the meantime stays.
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
      // Called before the erasure, because a crash after it would leave something forever, and again for what came in between.
      if (address !== null) await forgetAddress(address);
    },
  };
}
