import { platformErrors } from '../../platform/errors.ts';
import { untilWon } from '../../platform/until-won.ts';
import { isWon } from './names.ts';
import type { UserChange, UserRecord, UserStore } from './user-store.ts';

/**
 * Changes an active user: `attempt` decides on the current record and writes onto its version; it is repeated after a lost race. Returns
 * the new record. Throws `email_taken`, `username_taken`, the errors of `attempt`, `gone` (default: `unauthenticated`) if the user is
 * not active, and `overloaded` after too many lost races.
 */
export type ChangeActive = (
  id: string,
  attempt: (user: UserRecord) => Promise<UserChange>,
  gone?: () => Error,
) => Promise<UserRecord>;

export function createChangeActive({ store }: { store: UserStore }): ChangeActive {
  return (id, attempt, gone = platformErrors.unauthenticated) =>
    untilWon(
      async () => {
        const user = await store.find(id);
        if (user?.status !== 'active') throw gone();
        return isWon(await attempt(user)) ? ((await store.find(id)) ?? user) : null;
      },
      { record: `user:${id}` },
    );
}
