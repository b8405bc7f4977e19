import type { Clock } from '../../platform/clock.ts';
import type { PasswordHasher } from '../../platform/crypto/password-hasher.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { isId, newId } from '../../platform/ids.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { Authority } from '../access/authority.ts';
import type { RoleRecord } from '../access/role-store.ts';
import type { Roles } from '../access/roles.ts';
import type { Superadmins } from '../access/superadmins.ts';
import type { Invitations } from '../auth/invitations.ts';
import type { PasswordPolicy } from '../auth/password-policy.ts';
import type { Passwords } from '../auth/passwords.ts';
import type { EventStore } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import { userErrors } from '../users/errors.ts';
import { auditDiff, isWon, loginKey, toEmail, toLocale, toUsername } from '../users/names.ts';
import type { ProfileInput } from '../users/own-account.ts';
import type { ProfilePatch, UserAt, UserChange, UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';

export interface NewUser extends Omit<ProfileInput, 'profile' | 'profilePublic'> {
  email: string;
  /** By ids or codes; what newcomers get, where nothing is said. */
  roles?: string[];
  /** Must be changed at the first sign-in; without it, an invitation is mailed. */
  temporaryPassword?: string;
  emailVerified?: boolean;
}

export interface UserPatch extends ProfileInput {
  email?: string;
  emailVerified?: boolean;
}

/** What administrators do to accounts. Each throws `user_not_found`, and `power_exceeded` where somebody holds more than the caller. */
export interface UserAdmin {
  find(id: string): Promise<UserRecord>;
  /** Throws `validation_failed`, `email_…`, `username_…`, `locale_invalid`, `password_…`. */
  create(caller: Caller, input: NewUser): Promise<UserRecord>;
  /** Throws the same, and `self_protected` for one's own address. */
  patch(caller: Caller, id: string, input: UserPatch): Promise<UserRecord>;
  /** Throws `status_conflict` for a deleted user. */
  activate(caller: Caller, id: string): Promise<UserRecord>;
  /** Ends every session. Throws `status_conflict`, `self_protected`, `superadmin_protected`. */
  deactivate(caller: Caller, id: string): Promise<UserRecord>;
  /** Soft: restorable until it is erased; ends every session. Throws `self_protected`, `superadmin_protected`. */
  remove(caller: Caller, id: string): Promise<void>;
  /** To the status from before the deletion. Throws `status_conflict` for a user who is not deleted. */
  restore(caller: Caller, id: string): Promise<UserRecord>;
  /**
   * For good; names and addresses are free at once. With `deletedBefore`, only who was deleted before then and is so still.
   * Throws `self_protected`, `superadmin_protected`.
   */
  erase(caller: Caller, id: string, options?: { deletedBefore?: Date }): Promise<void>;
  /** Forgets the failed sign-ins that hold the next ones back. Throws `status_conflict` for a deleted user. */
  unlock(caller: Caller, id: string): Promise<UserRecord>;
  /** Mails a link for a new password; to who has none yet, their invitation again. Throws `status_conflict` unless active. */
  mailReset(caller: Caller, id: string): Promise<void>;
  /** Ends every session; the person must change it. Throws `password_…`, `status_conflict`, `self_protected`. */
  setTemporaryPassword(caller: Caller, id: string, password: string): Promise<void>;
  /** Ends every session. */
  endSessions(caller: Caller, id: string): Promise<void>;
}

export function createUserAdmin(deps: {
  store: UserStore;
  users: Users;
  authority: Authority;
  roles: Roles;
  superadmins: Superadmins;
  invitations: Invitations;
  passwords: Passwords;
  /** What newcomers get without anybody's say. */
  firstRoleIds: readonly string[];
  /** Forgets failed sign-ins under a login. */
  forgive: (userId: string, loginKeys: readonly string[]) => Promise<void>;
  /** Forgets what waits for an address: registrations, and wishes for a new password. */
  forgetAddress: (emailNorm: string) => Promise<void>;
  events: Events;
  eventStore: EventStore;
  hasher: PasswordHasher;
  policy: PasswordPolicy;
  clock: Clock;
}): UserAdmin {
  const { store, users, authority, roles, superadmins, invitations, passwords, events, hasher, policy, clock } = deps;

  async function find(id: string): Promise<UserRecord> {
    const user = isId(id) ? await store.find(id) : null;
    if (!user || user.status === 'erased') throw userErrors.user_not_found();
    return user;
  }

  /**
   * Decides on the present state and writes onto it, again when somebody else was faster; the rules of power are asked each time.
   * `attempt` answers null where there is nothing to do.
   */
  function change(
    caller: Caller,
    id: string,
    rule: 'demandOver' | 'demandOverOther',
    attempt: (user: UserRecord, at: UserAt) => UserChange | null | Promise<UserChange | null>,
  ): Promise<UserRecord> {
    return untilWon(async () => {
      const user = await find(id);
      await authority[rule](caller, user);
      const result = await attempt(user, { id, version: user.version, now: clock() });
      if (result === null) return user;
      return isWon(result) ? ((await store.find(id)) ?? user) : null;
    });
  }

  const describe = (caller: Caller, type: string, { id }: UserRecord, data: Record<string, unknown> = {}) =>
    events.describe(caller, { type, target: `user:${id}`, userId: id, data, evicts: true });

  const statusChange = (before: string, after: string) => ({ before: { status: before }, after: { status: after } });

  /** What it takes to end somebody's account: no superadmin, and no grant under way that makes them one. */
  const release = (caller: Caller, user: UserRecord) =>
    user.superadminMark ? superadmins.demandNotSuperadmin(caller, user.id) : Promise.resolve();

  /** Whoever was shut out must not come in by way of a deletion. */
  async function statusBeforeDeletion(id: string): Promise<'active' | 'disabled'> {
    // In the order of the changes themselves; by time, two of the same millisecond would have none.
    const history = await deps.eventStore.listForTarget(`user:${id}`);
    const last = history.findLast(({ type }) => type === 'user.deleted');
    const { status } = (last?.data.before ?? {}) as { status?: unknown };
    return status === 'disabled' ? 'disabled' : 'active';
  }

  /** Names that come in, in the form that is stored. */
  function toPatch({ email, emailVerified, username, locale, ...rest }: UserPatch): ProfilePatch {
    return {
      ...rest,
      ...(email !== undefined && { ...toEmail(email), emailVerified: emailVerified ?? false }),
      ...(emailVerified !== undefined && { emailVerified }),
      ...(username !== undefined && toUsername(username)),
      ...(locale !== undefined && { locale: toLocale(locale) }),
    };
  }

  return {
    find,

    async create(caller, { roles: names, temporaryPassword, ...input }) {
      const all = names === undefined ? null : await roles.named(names, '/roles');
      const isSuperadmin = ({ code, builtIn }: RoleRecord) => builtIn && code === 'superadmin';
      const wanted = all?.filter((role) => !isSuperadmin(role));
      const beSuperadmin = all?.some(isSuperadmin) === true;
      if (beSuperadmin) await authority.demandSuperadmin(caller);
      await authority.demandRoles(caller, wanted?.filter(({ id }) => !deps.firstRoleIds.includes(id)) ?? []);
      const { emailVerified = false, ...person } = toPatch(input);
      const user = users.draft(newId(clock()), {
        ...person,
        emailVerified,
        ...(wanted && { roleIds: wanted.map(({ id }) => id) }),
        ...(temporaryPassword === undefined && { invitation: invitations.draft() }),
      });
      if (temporaryPassword !== undefined) {
        await policy.check(temporaryPassword, user);
        user.passwordHash = await hasher.hash(temporaryPassword);
        user.mustChangePassword = true;
      }
      const { email, username } = user;
      const event = describe(caller, temporaryPassword === undefined ? 'user.invited' : 'user.created', user, {
        before: null,
        after: { email, username, roles: wanted?.map(({ code }) => code) ?? null },
        ...(user.invitation && { invitationId: user.invitation.id }),
      });
      isWon(await store.insert(user, event));
      if (beSuperadmin) await superadmins.grant(caller, user.id);
      return user;
    },

    async patch(caller, id, input) {
      const patch = toPatch(input);
      const ofAddress = input.email !== undefined || input.emailVerified !== undefined;
      let invite = false;
      const changed = await change(caller, id, ofAddress ? 'demandOverOther' : 'demandOver', (user, at) => {
        const moved = patch.emailNorm !== undefined && patch.emailNorm !== user.emailNorm;
        invite = moved && user.invitation !== null && user.status === 'active';
        // The same address in other words stays as verified as it was, unless that is said too.
        const kept = {
          ...patch,
          ...(ofAddress && !moved && input.emailVerified === undefined && { emailVerified: user.emailVerified }),
        };
        const type = moved ? 'user.email_changed' : 'user.profile_changed';
        return store.patchProfile(at, kept, describe(caller, type, user, auditDiff(user, kept)));
      });
      // The link in the old mailbox is void; the new one gets its own.
      return invite ? invitations.renew(caller, id, userErrors.status_conflict) : changed;
    },

    activate: (caller, id) =>
      change(caller, id, 'demandOver', (user, at) => {
        if (user.status === 'deleted') throw userErrors.status_conflict();
        if (user.status === 'active') return null;
        const event = describe(caller, 'user.activated', user, statusChange(user.status, 'active'));
        return store.setStatus(at, { status: 'active', sessionEpoch: user.sessionEpoch }, event);
      }),

    deactivate: (caller, id) =>
      change(caller, id, 'demandOverOther', async (user, at) => {
        if (user.status === 'deleted') throw userErrors.status_conflict();
        if (user.status === 'disabled') return null;
        await release(caller, user);
        const event = describe(caller, 'user.deactivated', user, statusChange(user.status, 'disabled'));
        return store.setStatus(at, { status: 'disabled', sessionEpoch: user.sessionEpoch + 1 }, event);
      }),

    async remove(caller, id) {
      await change(caller, id, 'demandOverOther', async (user, at) => {
        if (user.status === 'deleted') return null;
        await release(caller, user);
        const event = describe(caller, 'user.deleted', user, statusChange(user.status, 'deleted'));
        const { sessionEpoch, grantEpoch } = user;
        return store.softDelete(at, { sessionEpoch: sessionEpoch + 1, grantEpoch: grantEpoch + 1 }, event);
      });
    },

    restore: (caller, id) =>
      change(caller, id, 'demandOver', async (user, at) => {
        if (user.status !== 'deleted') throw userErrors.status_conflict();
        const status = await statusBeforeDeletion(id);
        const event = describe(caller, 'user.restored', user, statusChange('deleted', status));
        return store.setStatus(at, { status, sessionEpoch: user.sessionEpoch + 1 }, event);
      }),

    async erase(caller, id, options = {}) {
      const { deletedBefore } = options;
      let address: string | null = null;
      await change(caller, id, 'demandOverOther', async (user, at) => {
        // Who was restored meanwhile stays.
        const isDue = user.status === 'deleted' && user.deletedAt !== null && user.deletedAt < (deletedBefore ?? 0);
        if (deletedBefore !== undefined && !isDue) return null;
        await release(caller, user);
        address = user.emailNorm;
        if (address !== null) await deps.forgetAddress(address);
        const event = describe(caller, 'user.erased', user, statusChange(user.status, 'erased'));
        const { sessionEpoch, grantEpoch, credentialEpoch } = user;
        return store.erase(
          at,
          {
            sessionEpoch: sessionEpoch + 1,
            grantEpoch: grantEpoch + 1,
            credentialEpoch: credentialEpoch + 1,
          },
          event,
        );
      });
      // Before it, or a crash would leave something for ever; and after it, for what came in between.
      if (address !== null) await deps.forgetAddress(address);
    },

    unlock: (caller, id) =>
      change(caller, id, 'demandOver', async (user, at) => {
        const { status, sessionEpoch, keptSessionId, email, username } = user;
        if (status === 'deleted') throw userErrors.status_conflict();
        const logins = [email, username].filter((login) => login !== null);
        await deps.forgive(id, logins.map(loginKey));
        // The history is all that changes: what was counted is not in the record.
        return store.endSessions(at, { sessionEpoch, keptSessionId }, describe(caller, 'user.unlocked', user));
      }),

    async mailReset(caller, id) {
      const user = await find(id);
      await authority.demandOver(caller, user);
      if (user.status !== 'active' || user.email === null) throw userErrors.status_conflict();
      if (user.passwordHash === null) await invitations.renew(caller, id, userErrors.status_conflict);
      else await passwords.requestReset(caller, user.email, { userId: id });
    },

    async setTemporaryPassword(caller, id, password) {
      const asked = await find(id);
      await authority.demandOverOther(caller, asked);
      await policy.check(password, asked);
      const hash = await hasher.hash(password);
      await change(caller, id, 'demandOverOther', (user, at) => {
        if (user.status === 'deleted') throw userErrors.status_conflict();
        const { passwordVersion, sessionEpoch } = user;
        return store.setPassword(
          at,
          {
            hash,
            passwordVersion: passwordVersion + 1,
            mustChangePassword: true,
            sessionEpoch: sessionEpoch + 1,
            keptSessionId: null,
          },
          describe(caller, 'user.temporary_password_set', user),
        );
      });
    },

    async endSessions(caller, id) {
      await change(caller, id, 'demandOver', (user, at) => {
        const event = describe(caller, 'user.sessions_ended', user, { kept: null });
        const ended = { sessionEpoch: user.sessionEpoch + 1, keptSessionId: null };
        return store.endSessions(at, ended, event);
      });
    },
  };
}
