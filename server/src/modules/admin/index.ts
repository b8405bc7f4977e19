import type { Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { PasswordHasher } from '../../platform/crypto/password-hasher.ts';
import type { RefusalDelay } from '../../platform/crypto/refusal-delay.ts';
import type { Lists } from '../../platform/http/paging.ts';
import type { Part } from '../../platform/http/part.ts';
import type { Jobs } from '../../platform/queue/jobs.ts';
import type { Authority } from '../access/authority.ts';
import type { Grants } from '../access/grants.ts';
import type { Members } from '../access/members.ts';
import type { Roles } from '../access/roles.ts';
import type { Superadmins } from '../access/superadmins.ts';
import type { ChallengeStore } from '../auth/challenge-store.ts';
import type { Invitations } from '../auth/invitations.ts';
import type { PasswordPolicy } from '../auth/password-policy.ts';
import type { Passwords } from '../auth/passwords.ts';
import type { RegistrationStore } from '../auth/registration-store.ts';
import type { EventStore } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import type { Guessing } from '../guessing/guessing.ts';
import type { Mails } from '../mails/mails.ts';
import type { PasswordDecryptor } from '../password-encryption/password-decryptor.ts';
import type { ReadLists } from '../replicas/replicas.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { userErrors } from '../users/errors.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { createAccountAccess } from './account-access.ts';
import { createBulk } from './bulk.ts';
import { emailMoveRoutes } from './email-move-routes.ts';
import { createEmailMoves } from './email-moves.ts';
import { registerErasure } from './erasure.ts';
import { registerErasureOfDeleted } from './jobs.ts';
import * as adminMails from './mails.ts';
import { userActionRoutes } from './user-action-routes.ts';
import { createUserAdmin } from './user-admin.ts';
import { createUserList } from './user-list.ts';
import { userAdminRoutes } from './user-routes.ts';

/** Lets administrators manage users: `createAdmin({ ...ground, ...permissions, ...roles, userStore: storage.users, … })`. */
export function createAdmin(deps: {
  userStore: UserStore;
  sessionStore: SessionStore;
  eventStore: EventStore;
  registrationStore: RegistrationStore;
  challengeStore: ChallengeStore;
  users: Users;
  sessions: Sessions;
  superadmins: Superadmins;
  grants: Grants;
  givenRoleCodesOf: (user: UserRecord) => Promise<string[]>;
  authority: Authority;
  roles: Roles;
  members: Members;
  invitations: Invitations;
  passwords: Passwords;
  guessing: Guessing;
  hasher: PasswordHasher;
  policy: PasswordPolicy;
  decryptor: PasswordDecryptor;
  /** The roles of a new user, unless others are named. */
  firstRoleIds: readonly string[];
  events: Events;
  jobs: Jobs;
  mails: Mails;
  keyring: Keyring;
  delayRefusal: RefusalDelay;
  config: Config;
  periodic: Periodic;
  readLists: ReadLists<{ users: Pick<UserStore, 'list' | 'count'> }>;
  list: Lists;
  clock: Clock;
}): {
  /** Throws `user_not_found`. */
  getUser: (id: string) => Promise<UserRecord>;
  part: Part;
} {
  const { userStore, registrationStore, challengeStore, guessing, authority, invitations, mails, config } = deps;
  const access = createAccountAccess({ ...deps, store: userStore });
  const moves = createEmailMoves({
    ...deps,
    access,
    store: userStore,
    delay: config.emailMoveDelay,
    inviteAgain: (caller, userId) => invitations.renew(caller, userId, userErrors.status_conflict),
  });
  mails.add(adminMails, { moves, publicUrl: config.publicUrl });
  const admin = createUserAdmin({
    ...deps,
    access,
    moves,
    store: userStore,
    forgive: guessing.forgive,
    async forgetAddress(emailNorm) {
      await registrationStore.removeForEmail(emailNorm);
      await challengeStore.removeForEmail(emailNorm);
    },
  });
  registerErasureOfDeleted({ ...deps, admin });
  registerErasure(deps);
  const userList = createUserList(deps);
  const bulk = createBulk({ ...deps, admin });
  const routes = [
    userAdminRoutes({ ...deps, admin, userList, bulk }),
    userActionRoutes({ ...deps, admin, demandOver: authority.demandOver }),
    emailMoveRoutes({ moves }),
  ];
  return { getUser: admin.get, part: { routes } };
}
