import type { Clock } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { RefusalDelay } from '../../platform/crypto/refusal-delay.ts';
import type { Caller } from '../../platform/http/caller.ts';
import type { Events } from '../events/events.ts';
import type { AddressBounds } from '../guessing/address-bounds.ts';
import { canonicalEmail, dottedEmail } from './canonical-email.ts';
import { canonicalUsername } from './canonical-username.ts';
import { type ChangeActive, createChangeActive } from './change-active.ts';
import { createEmailChanges, type EmailChanges } from './email-change.ts';
import { userErrors } from './errors.ts';
import { loginKey, toUsername } from './names.ts';
import { newcomer } from './newcomer.ts';
import { createOwnAccount, type OwnAccount } from './own-account.ts';
import type { ReservedUsernames } from './reserved-usernames.ts';
import type { UserRecord, UserStore } from './user-store.ts';

/** Use cases of accounts: `users.patchMe(callerOf(request), actorOf(request), { fullName: 'Ann Lee' })`. Forms of names: `names.ts`. */
export interface Users extends OwnAccount, EmailChanges {
  /**
   * Validates a username that a user chooses; `held` is the key of the user's current name. Throws `username_invalid`, and
   * `username_taken` for a reserved name, except the current one.
   */
  toOwnUsername(input: string | null | undefined, held?: string | null): ReturnType<typeof toUsername>;
  /** Finds by e-mail address if `login` is one, else by username, which never contains an `@`. Null also for an invalid login. */
  findByLogin(login: string): Promise<UserRecord | null>;
  change: ChangeActive;
  /** A user to insert: fields that are not given have the values of a new user. */
  draft(id: string, fields: Partial<UserRecord>): UserRecord;
  /** Finds by username. Throws `user_not_found` unless the user is active and the profile is public. */
  publicProfile(username: string): Promise<UserRecord & { username: string }>;
}

/** Finds accounts, and changes them for their users. */
export function createUsers(deps: {
  store: UserStore;
  bounds: AddressBounds;
  events: Events;
  keyring: Keyring;
  /** The roles of a new user. */
  firstRoleIds: readonly string[];
  isReserved: ReservedUsernames;
  /** Throws `superadmin_protected`; see `Superadmins.demandNotSuperadmin`. */
  demandNotSuperadmin: (caller: Caller, userId: string) => Promise<void>;
  delayRefusal: RefusalDelay;
  clock: Clock;
}): Users {
  const { store, events, keyring, firstRoleIds, isReserved, demandNotSuperadmin, delayRefusal, clock } = deps;
  const change = createChangeActive({ store });

  function toOwnUsername(input: string | null | undefined, held: string | null = null) {
    const name = toUsername(input);
    const { usernameKey: key } = name;
    if (key !== null && key !== held && isReserved(key)) throw userErrors.username_taken();
    return name;
  }

  async function findByUsername(input: string): Promise<UserRecord | null> {
    const name = canonicalUsername(input);
    const user = name && (await store.findByUsernameKey(name.key));
    // A look-alike shares the key, but is not the name.
    return user?.username && canonicalUsername(user.username)?.canonical === name?.canonical ? user : null;
  }

  return {
    ...createOwnAccount({ store, change, toOwnUsername, demandNotSuperadmin, events, clock }),
    ...createEmailChanges({ store, change, bounds: deps.bounds, keyring, events, clock }),
    toOwnUsername,
    change,
    draft: (id, fields) => ({ ...newcomer(id, clock()), roleIds: [...firstRoleIds], ...fields }),

    async findByLogin(login) {
      const emailNorm = canonicalEmail(login);
      if (emailNorm === null) return findByUsername(login);
      const former = dottedEmail(login);
      return (await store.findByEmail(emailNorm)) ?? (former === null ? null : store.findByEmail(former));
    },

    publicProfile: (username) =>
      delayRefusal(loginKey(username), async () => {
        const user = await findByUsername(username);
        if (user?.status !== 'active' || !user.profilePublic || user.username === null)
          throw userErrors.user_not_found();
        return { ...user, username: user.username };
      }),
  };
}
