import type { Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import { SYSTEM_CALLER } from '../../platform/http/system-caller.ts';
import type { Events } from '../events/events.ts';
import type { UserStore } from '../users/user-store.ts';
import { BUILT_IN } from './built-in-roles.ts';
import type { RoleStore } from './role-store.ts';
import type { SuperadminStore } from './superadmin-store.ts';

/** The roles that a new installation in production guards by two factors. */
const GUARDED = [BUILT_IN.superadmin, BUILT_IN.admin];

/**
 * Lets the administrators of a new installation in production need two factors. New is one that nobody has an account on, and that has offered
 * no setup link: so an update locks nobody out. Instances that start together, and one that was killed half-way, do it once in the end.
 */
export async function demandMfaOfAdministrators(deps: {
  environment: Config['environment'];
  store: RoleStore;
  superadminStore: SuperadminStore;
  userStore: UserStore;
  events: Events;
  clock: Clock;
}): Promise<void> {
  const { environment, store, superadminStore, userStore, events, clock } = deps;
  if (environment !== 'production') return;
  const [{ version: changes }, people] = await Promise.all([superadminStore.read(), userStore.count({}, 1)]);
  if (changes > 0 || people > 0) return;
  for (const id of GUARDED) {
    const role = await store.find(id);
    // Another version: somebody has changed the role.
    if (role?.version !== 1) continue;
    const event = events.describe(SYSTEM_CALLER, {
      type: 'role.changed',
      target: `role:${id}`,
      data: { before: { mfa: role.mfa }, after: { mfa: 'required' } },
      evicts: true,
    });
    // Lost: to another instance that starts.
    await store.patch({ id, version: role.version, now: clock() }, { mfa: 'required' }, event);
  }
}
