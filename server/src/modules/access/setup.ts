import { after, type Clock, MINUTE } from '../../platform/clock.ts';
import { formatIdToken, parseIdToken } from '../../platform/crypto/id-token.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { deriveToken, sameSecret } from '../../platform/crypto/one-time.ts';
import type { PasswordHasher } from '../../platform/crypto/password-hasher.ts';
import { checkFields, platformErrors } from '../../platform/errors.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { SYSTEM_CALLER } from '../../platform/http/system-caller.ts';
import { newId } from '../../platform/ids.ts';
import { authErrors } from '../auth/errors.ts';
import type { PasswordPolicy } from '../auth/password-policy.ts';
import type { Events } from '../events/events.ts';
import { userErrors } from '../users/errors.ts';
import { isWon, toEmail, toUsername } from '../users/names.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import type { Superadmins } from './superadmins.ts';

export interface NewAccount {
  email: string;
  username?: string | undefined;
  password: string;
}

export interface Setup {
  /** The token of the link that creates the first superadmin; null if one exists. Instances that start together get the same token. */
  offer(): Promise<string | null>;
  /** Creates the first superadmin. Throws `not_found` once one exists, `token_invalid`, `email_…`, `username_…`, `password_…`. */
  complete(caller: Caller, input: NewAccount & { token: string }): Promise<UserRecord>;
  /** Creates an account for the operator of the server. Throws `email_…`, `username_…`, `password_…`. */
  createUser(caller: Caller, input: NewAccount & { superadmin: boolean }): Promise<UserRecord>;
  /** Makes an account a superadmin for the operator; does nothing if it is one. Throws `user_not_found` unless it is active. */
  grantSuperadmin(caller: Caller, login: string): Promise<UserRecord>;
}

export const SETUP_TTL = 30 * MINUTE;
/** A link that expires sooner than this is replaced instead of printed again. */
const WORTH_PRINTING = 10 * MINUTE;
const PURPOSE = 'setup';

/** Creates the first superadmin through a link that the server prints while none exists, instead of default credentials. */
export function createSetup(deps: {
  superadmins: Superadmins;
  userStore: UserStore;
  users: Users;
  events: Events;
  keyring: Keyring;
  hasher: PasswordHasher;
  policy: PasswordPolicy;
  clock: Clock;
}): Setup {
  const { superadmins, userStore, users, events, keyring, hasher, policy, clock } = deps;

  const secretOf = ({ id, keyId }: { id: string; keyId: string }) =>
    deriveToken(keyring, { purpose: PURPOSE, id, subject: PURPOSE, keyId });

  async function draft(id: string, { email, username, password }: NewAccount): Promise<UserRecord> {
    const { address, name } = await checkFields(
      { address: () => toEmail(email), name: () => toUsername(username) },
      (passed) => policy.check(password, { ...passed.address, ...passed.name }),
    );
    return users.draft(id, { ...address, ...name, emailVerified: true, passwordHash: await hasher.hash(password) });
  }

  async function insert(caller: Caller, user: UserRecord): Promise<boolean> {
    const about = { target: `user:${user.id}`, userId: user.id };
    const result = await userStore.insert(
      user,
      events.describe(caller, { type: 'user.created', ...about, evicts: true }),
    );
    return isWon(result);
  }

  return {
    async offer() {
      for (;;) {
        const record = await superadmins.read();
        if (record.userIds.length > 0) return null;
        const { setup } = record;
        // A process may have died between inserting the user and the grant, which is then made up for here.
        if (setup && (await userStore.find(setup.id)) && (await superadmins.grantFirst(SYSTEM_CALLER, setup.id)))
          return null;
        const now = clock();
        if (setup && keyring.has(setup.keyId) && setup.expiresAt > after(now, WORTH_PRINTING)) {
          return formatIdToken(setup.id, secretOf(setup));
        }
        const next = { id: newId(now), keyId: keyring.currentKeyId, expiresAt: after(now, SETUP_TTL) };
        if (await superadmins.offerSetup(record, next)) return formatIdToken(next.id, secretOf(next));
      }
    },

    async complete(caller, { token, ...account }) {
      const { userIds, setup } = await superadmins.read();
      if (userIds.length > 0) throw platformErrors.not_found();
      const parts = parseIdToken(token);
      if (!parts || parts.id !== setup?.id || setup.expiresAt <= clock() || !keyring.has(setup.keyId)) {
        throw authErrors.token_invalid();
      }
      if (!sameSecret(parts.secret, secretOf(setup))) throw authErrors.token_invalid();
      const user = await draft(setup.id, account);
      // The user gets the link's id, so that of several concurrent uses of the link only the first insert succeeds.
      const made = await insert(caller, user);
      const granted = await superadmins.grantFirst(caller, setup.id);
      if (!made || !granted) throw platformErrors.not_found();
      return user;
    },

    async createUser(caller, { superadmin, ...account }) {
      const user = await draft(newId(clock()), account);
      await insert(caller, user);
      if (superadmin) await superadmins.grant(caller, user.id);
      return user;
    },

    async grantSuperadmin(caller, login) {
      const user = await users.findByLogin(login);
      if (user?.status !== 'active') throw userErrors.user_not_found();
      await superadmins.grant(caller, user.id);
      return user;
    },
  };
}
