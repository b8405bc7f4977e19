import type { Clock } from '../../platform/clock.ts';
import type { PasswordHasher } from '../../platform/crypto/password-hasher.ts';
import { checkFields } from '../../platform/errors.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { demandFreshProof } from '../../platform/http/guard.ts';
import { newId } from '../../platform/ids.ts';
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
import { auditDiff, isWon, loginKey, toEmail, toLocale, toPerson, toUsername } from '../users/names.ts';
import type { ProfileInput } from '../users/own-account.ts';
import type { ProfilePatch, UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import type { AccountAccess } from './account-access.ts';
import { type AccountLife, createAccountLife } from './account-life.ts';
import { type EmailMoves, waitingMove } from './email-moves.ts';
import { PERMISSIONS } from './permissions.ts';

export interface NewUser extends Omit<ProfileInput, 'profile' | 'profilePublic'> {
  email: string;
  /** Ids or codes. Default: the roles of a new user. */
  roles?: string[];
  /** Must be changed at the first sign-in; without it, an invitation is mailed. */
  temporaryPassword?: string;
  emailVerified?: boolean;
}

export interface UserPatch extends ProfileInput {
  email?: string;
  emailVerified?: boolean;
}

/**
 * Administrators' use cases on accounts: `admin.patch(callerOf(request), id, { fullName: 'Ann Lee' })`. Those that take an id throw
 * `user_not_found`; those that also take a caller throw `power_exceeded` if the user holds more than the caller.
 */
export interface UserAdmin extends AccountLife {
  get(id: string): Promise<UserRecord>;
  /**
   * Throws `validation_failed`, `email_…`, `username_…`, `password_…`, `power_exceeded` for the roles, and `forbidden`
   * without the permission of the route that would give a part: roles, a temporary password, a verified address.
   */
  create(caller: Caller, input: NewUser): Promise<UserRecord>;
  /**
   * Throws `email_…`, `username_…`, `locale_invalid`, `status_conflict`, and `self_protected` for the caller's own address. A new address
   * takes effect at once or waits, see `EmailMoves`; it needs the permission to reset the password, which it would allow by mail
   * (`forbidden`), and a fresh proof (`reauth_required`), as does an address that becomes verified.
   */
  patch(caller: Caller, id: string, input: UserPatch): Promise<UserRecord>;
  /** Forgets the failed sign-ins that delay further ones. Throws `status_conflict` for a deleted user. */
  unlock(caller: Caller, id: string): Promise<UserRecord>;
  /** Mails a link for a new password, or the invitation again if the user has no password. Throws `status_conflict` unless active. */
  mailReset(caller: Caller, id: string): Promise<void>;
  /** Sets a password that the user must change, and ends every session. Throws `password_…`, `status_conflict`, `self_protected`. */
  setTemporaryPassword(caller: Caller, id: string, password: string): Promise<void>;
  /** Ends every session. */
  endSessions(caller: Caller, id: string): Promise<void>;
}

/** Creates the use cases; every change writes its event and is subject to the rules of privileges. */
export function createUserAdmin(deps: {
  store: UserStore;
  access: AccountAccess;
  moves: EmailMoves;
  users: Users;
  authority: Authority;
  roles: Roles;
  superadmins: Superadmins;
  invitations: Invitations;
  passwords: Passwords;
  /** The roles of a new user, unless others are named. */
  firstRoleIds: readonly string[];
  /** Forgets failed sign-ins; `loginKeys` as `loginKey` makes them. */
  forgive: (userId: string, loginKeys: readonly string[]) => Promise<void>;
  /** See `AccountLife`. */
  forgetAddress: (emailNorm: string) => Promise<void>;
  events: Events;
  eventStore: EventStore;
  hasher: PasswordHasher;
  policy: PasswordPolicy;
  clock: Clock;
}): UserAdmin {
  const { store, users, authority, roles, superadmins, invitations, passwords, hasher, policy, clock } = deps;
  const { access, moves } = deps;
  const { get, change, describe } = access;

  /** Converts input to the form that is stored. */
  async function toPatch(
    { email, emailVerified, username, ...rest }: UserPatch,
    temporaryPassword?: string,
  ): Promise<ProfilePatch> {
    const { person, address, name } = await checkFields(
      {
        person: () => toPerson(rest),
        address: () => (email === undefined ? {} : { ...toEmail(email), emailVerified: emailVerified ?? false }),
        name: () => (username === undefined ? {} : toUsername(username)),
      },
      async (passed) => {
        if (temporaryPassword === undefined) return;
        await policy.check(temporaryPassword, { ...passed.person, ...passed.address, ...passed.name });
      },
    );
    return {
      ...person,
      ...address,
      ...(emailVerified !== undefined && { emailVerified }),
      ...name,
    };
  }

  return {
    ...createAccountLife({ ...deps, access }),
    get,

    async create(caller, { roles: names, temporaryPassword, locale, ...input }) {
      const all = names === undefined ? null : await roles.named(names, '/roles');
      const isSuperadmin = ({ code, builtIn }: RoleRecord) => builtIn && code === 'superadmin';
      const wanted = all?.filter((role) => !isSuperadmin(role));
      const beSuperadmin = all?.some(isSuperadmin) === true;
      if (beSuperadmin) await authority.demandSuperadmin(caller);
      await authority.demandRoles(caller, wanted?.filter(({ id }) => !deps.firstRoleIds.includes(id)) ?? []);
      const { emailVerified = false } = input;
      const givesRoles =
        all !== null &&
        !isSameSet(
          all.map(({ id }) => id),
          deps.firstRoleIds,
        );
      if (givesRoles) await authority.demandPermission(caller, PERMISSIONS.setRoles);
      if (temporaryPassword !== undefined) await authority.demandPermission(caller, PERMISSIONS.temporaryPassword);
      if (emailVerified) await authority.demandPermission(caller, PERMISSIONS.patch);
      const person = await toPatch(input, temporaryPassword);
      const user = users.draft(newId(clock()), {
        ...person,
        locale: toLocale(locale),
        emailVerified,
        ...(wanted && { roleIds: wanted.map(({ id }) => id) }),
        ...(temporaryPassword === undefined && { invitation: invitations.draft() }),
      });
      if (temporaryPassword !== undefined) {
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
      const patch = await toPatch(input);
      const ofAddress = input.email !== undefined || input.emailVerified !== undefined;
      let invite = false;
      const changed = await change(caller, id, ofAddress ? 'demandOverOther' : 'demandOver', async (user, at) => {
        const { email, emailNorm, emailVerified = false, ...rest } = patch;
        const address = email && emailNorm && emailNorm !== user.emailNorm ? { email, emailNorm, emailVerified } : null;
        if (address) await authority.demandPermission(caller, PERMISSIONS['password-reset']);
        if (address || (emailVerified && !user.emailVerified)) demandFreshProof(caller, clock);
        invite = false;
        if (!address) {
          // Another spelling of the same address keeps its verification, unless `emailVerified` is given.
          const keeps = ofAddress && input.emailVerified === undefined;
          const kept = { ...patch, ...(keeps && { emailVerified: user.emailVerified }) };
          const event = describe(caller, 'user.profile_changed', user, auditDiff(user, kept));
          // A form that is sent back whole has the present address: it ends no move.
          return store.patchProfile(at, { ...kept, emailMove: user.emailMove }, event);
        }
        const waits = await moves.mustWait(user);
        const present = waits ? waitingMove(user) : null;
        // The same request again neither begins the wait anew nor mails again.
        if (present && present.emailNorm === emailNorm && present.emailVerified === emailVerified) {
          if (Object.keys(rest).length === 0) return null;
          return store.patchProfile(at, rest, describe(caller, 'user.profile_changed', user, auditDiff(user, rest)));
        }
        const emailMove = await moves.draft(user, address, { waits });
        invite = !waits && user.invitation !== null && user.status === 'active';
        const { before, after: now } = auditDiff(user, waits ? rest : patch);
        const data = { before, after: waits ? { ...now, pendingEmail: email } : now, moveId: emailMove.id };
        const written = { ...rest, ...(!waits && address), emailMove };
        if (!waits) return store.patchProfile(at, written, describe(caller, 'user.email_changed', user, data));
        const told = { ...data, takesEffectAt: emailMove.dueAt.toISOString() };
        return store.patchProfile(at, written, describe(caller, 'user.email_move_requested', user, told));
      });
      // The link that was mailed to the old address is void; the new address gets another.
      return invite ? invitations.renew(caller, id, userErrors.status_conflict) : changed;
    },

    unlock: (caller, id) =>
      change(caller, id, 'demandOver', async (user, at) => {
        const { status, sessionEpoch, keptSessionId, email, username } = user;
        if (status === 'deleted') throw userErrors.status_conflict();
        const logins = [email, username].filter((login) => login !== null);
        await deps.forgive(id, logins.map(loginKey));
        // Only adds to the history: failed sign-ins are not counted in this record, whose sessions stay as they are.
        return store.endSessions(at, { sessionEpoch, keptSessionId }, describe(caller, 'user.unlocked', user));
      }),

    async mailReset(caller, id) {
      const user = await get(id);
      await authority.demandOver(caller, user);
      if (user.status !== 'active' || user.email === null) throw userErrors.status_conflict();
      if (user.passwordHash === null) await invitations.renew(caller, id, userErrors.status_conflict);
      else await passwords.mailReset(caller, { id, email: user.email });
    },

    async setTemporaryPassword(caller, id, password) {
      const asked = await get(id);
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

const isSameSet = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((id) => b.includes(id));
