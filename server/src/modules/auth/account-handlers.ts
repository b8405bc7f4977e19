import type { Events } from '../events/events.ts';
import type { UserStore } from '../users/user-store.ts';
import type { RegistrationStore } from './registration-store.ts';

/** Registers the handlers that follow up events of accounts in the database. Each is safe to run twice. */
export function registerAccountHandlers(deps: {
  events: Events;
  registrationStore: RegistrationStore;
  userStore: UserStore;
}): void {
  const { events, registrationStore, userStore } = deps;
  // The user has the id of the registration that it comes from.
  events.on('user.registered', 'registration', async ({ userId }) => {
    if (userId !== null) await registrationStore.remove(userId);
  });
  events.on('session.started', 'last-login', async ({ userId, at }) => {
    if (userId !== null) await userStore.noteLogin(userId, at);
  });
}
