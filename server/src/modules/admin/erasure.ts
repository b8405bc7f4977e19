import type { EventStore } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { UserStore } from '../users/user-store.ts';

/** Completes an erasure: removes the user's sessions, anonymises the history, and at last removes the tombstone. Safe to run twice. */
export function registerErasure(deps: {
  events: Events;
  eventStore: EventStore;
  sessionStore: SessionStore;
  userStore: UserStore;
}): void {
  const { events, eventStore, sessionStore, userStore } = deps;

  async function forget(userId: string): Promise<void> {
    await sessionStore.removeForUser(userId);
    await eventStore.anonymise(userId);
  }

  events.on('user.erased', 'erasure', async ({ target }) => {
    const userId = target.slice(target.indexOf(':') + 1);
    await forget(userId);
    await userStore.remove(userId);
  });

  // A sign-in that was under way during the erasure admits nobody, but leaves a session and an event with the user's address and device.
  events.on('session.started', 'erasure', async ({ userId }) => {
    if (userId === null) return;
    const user = await userStore.find(userId);
    if (!user || user.status === 'erased') await forget(userId);
  });
}
