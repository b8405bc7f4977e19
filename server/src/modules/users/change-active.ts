import { platformErrors } from '../../platform/errors.ts';
import { untilWon } from '../../platform/until-won.ts';
import { isWon } from './names.ts';
import type { UserChange, UserRecord, UserStore } from './user-store.ts';

/**
 * Decides on the present state of an active user and writes onto it, again when somebody else was faster. Throws `email_taken`,
 * `username_taken`, what `attempt` throws, `gone` (default: `unauthenticated`) where the user is not active, and `overloaded` where
 * somebody else is always faster.
 */
export type ChangeActive = (
  id: string,
  attempt: (user: UserRecord) => Promise<UserChange>,
  gone?: () => Error,
) => Promise<UserRecord>;

export function createChangeActive({ store }: { store: UserStore }): ChangeActive {
  return (id, attempt, gone = platformErrors.unauthenticated) =>
    untilWon(async () => {
      const user = await store.find(id);
      if (user?.status !== 'active') throw gone();
      return isWon(await attempt(user)) ? ((await store.find(id)) ?? user) : null;
    });
}
