import type { Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { RefusalDelay } from '../../platform/crypto/refusal-delay.ts';
import type { Part } from '../../platform/http/part.ts';
import type { Superadmins } from '../access/superadmins.ts';
import { authErrors } from '../auth/errors.ts';
import type { Events } from '../events/events.ts';
import type { AddressBounds } from '../guessing/address-bounds.ts';
import type { Mails } from '../mails/mails.ts';
import type { Periodic } from '../schedules/periodic.ts';
import { registerUserJobs } from './jobs.ts';
import * as userMails from './mails.ts';
import { createOwnView } from './own-view.ts';
import type { RememberedUsers } from './remembered-users.ts';
import { createReservedUsernames } from './reserved-usernames.ts';
import { userRoutes } from './routes.ts';
import type { UserRecord, UserStore } from './user-store.ts';
import { createUsers as createUserUseCases, type Users } from './users.ts';

export { rememberUsers } from './remembered-users.ts';

/** The accounts of people: `createUsers({ ...ground, userStore: storage.users, config, firstRoleIds, … })`. */
export function createUsers(deps: {
  userStore: UserStore;
  /** What people see of their own accounts. */
  remembered: RememberedUsers;
  bounds: AddressBounds;
  events: Events;
  keyring: Keyring;
  config: Config;
  /** The roles of a new user. */
  firstRoleIds: readonly string[];
  roleCodesOf: (user: Pick<UserRecord, 'id' | 'roleIds'>) => string[] | Promise<string[]>;
  superadmins: Pick<Superadmins, 'demandNotSuperadmin'>;
  delayRefusal: RefusalDelay;
  mails: Mails;
  periodic: Periodic;
  clock: Clock;
}): { users: Users; part: Part } {
  const { userStore, remembered, config, roleCodesOf, superadmins, mails, clock } = deps;
  const { publicUrl } = config;
  const host = new URL(publicUrl).hostname;
  const isReserved = createReservedUsernames({ host, entries: config.reservedUsernames });
  const { demandNotSuperadmin } = superadmins;
  const users = createUserUseCases({ ...deps, store: userStore, isReserved, demandNotSuperadmin });
  mails.add(userMails, { userStore, users, clock });
  registerUserJobs({ ...deps, store: userStore });
  const ownView = createOwnView({ remembered, roleCodesOf });
  const routes = userRoutes({ users, ownView, roleCodesOf, publicUrl, invalidCode: authErrors.code_invalid });
  return { users, part: { routes: [routes] } };
}
