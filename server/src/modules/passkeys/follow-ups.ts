import type { Events } from '../events/events.ts';
import type { FactorStore } from '../factors/factor-store.ts';
import type { UserStore } from '../users/user-store.ts';

/** A passkey whose registration was under way during the erasure of its user goes, too. Safe to repeat. */
export function registerFollowUps(deps: {
  store: FactorStore;
  userStore: Pick<UserStore, 'find'>;
  events: Events;
}): void {
  const { store, userStore, events } = deps;
  events.on('factors.passkey_added', 'erased', async ({ target }) => {
    const userId = target.slice(target.indexOf(':') + 1);
    const user = await userStore.find(userId);
    if (!user || user.status === 'erased') await store.removeForUser(userId);
  });
}
