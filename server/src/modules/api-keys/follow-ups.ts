import type { EventRecord } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import type { UserStore } from '../users/user-store.ts';
import type { ApiKeyStore } from './api-key-store.ts';
import type { ServiceAccountStore } from './service-account-store.ts';

const idOf = ({ target }: Pick<EventRecord, 'target'>): string => target.slice(target.indexOf(':') + 1);

/** Registers what follows for keys from the end of those whose they are. Each step is safe to repeat. */
export function registerFollowUps(deps: {
  store: ApiKeyStore;
  serviceStore: Pick<ServiceAccountStore, 'find'>;
  userStore: Pick<UserStore, 'find'>;
  events: Events;
}): void {
  const { store, serviceStore, userStore, events } = deps;

  // They are dead already, with their subject: only their records go.
  events.on('user.erased', 'api-keys', async (event) => store.removeForSubject(idOf(event)));
  events.on('service_account.deleted', 'api-keys', async (event) => store.removeForSubject(idOf(event)));
  // A request that was under way meanwhile.
  events.on('api_key.created', 'api-keys', async (event) => {
    const key = await store.find(idOf(event));
    if (key === null) return;
    const isGone =
      key.kind === 'pat'
        ? ((await userStore.find(key.subjectId))?.status ?? 'erased') === 'erased'
        : (await serviceStore.find(key.subjectId)) === null;
    if (isGone) await store.removeForSubject(key.subjectId);
  });
}
