import type { Events } from '../events/events.ts';
import type { UserStore } from '../users/user-store.ts';
import type { FactorStore } from './factor-store.ts';

const idOf = ({ target }: { target: string }): string => target.slice(target.indexOf(':') + 1);

/** Nothing of a factor outlives its user. Each step is safe to repeat. */
export function registerFollowUps(deps: {
  store: FactorStore;
  userStore: Pick<UserStore, 'find'>;
  events: Events;
}): void {
  const { store, userStore, events } = deps;

  events.on('user.erased', 'factors', (event) => store.removeForUser(idOf(event)));
  // A request that was under way during the erasure.
  events.on('factors.totp_added', 'factors', async (event) => {
    const user = await userStore.find(idOf(event));
    if (!user || user.status === 'erased') await store.removeForUser(idOf(event));
  });
}
