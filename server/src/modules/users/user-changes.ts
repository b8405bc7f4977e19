import type { EventDraft } from '../events/event-store.ts';
import type { ProfilePatch, UserAt, UserChange, UserRecord, UserStore } from './user-store.ts';

/** Writes `set` and the event if the user is at the version of `at`; undefined fields stay unchanged. */
export type ChangeUser = (at: UserAt, set: Partial<UserRecord>, event: EventDraft) => Promise<UserChange>;

type Verbs =
  | 'setPassword'
  | 'patchProfile'
  | 'endSessions'
  | 'lockDown'
  | 'beginEmailChange'
  | 'takeEmail'
  | 'claim'
  | 'softDelete'
  | 'setStatus'
  | 'setAvatar'
  | 'setRoles'
  | 'setSuperadminMark'
  | 'invite'
  | 'acceptInvitation';

/** The fields that each verb sets, on every database. Each is listed, so that other fields of an argument are never written. */
export function userChanges(change: ChangeUser): Pick<UserStore, Verbs> {
  return {
    setPassword(at, { hash, passwordVersion, mustChangePassword, emailVerified, ...ends }, event) {
      const { sessionEpoch, keptSessionId, grantEpoch, credentialEpoch } = ends;
      const password = { passwordHash: hash, passwordVersion, mustChangePassword, emailVerified };
      return change(
        at,
        { ...password, sessionEpoch, keptSessionId, grantEpoch, credentialEpoch, invitation: null },
        event,
      );
    },

    patchProfile(at, patch, event) {
      const { email, emailNorm, emailVerified, fullName, username, usernameKey, phone, locale } = patch;
      const { profile, profilePublic } = patch;
      const moves = emailNorm !== undefined;
      const emailMove = patch.emailMove === undefined && moves ? null : patch.emailMove;
      const set = {
        email,
        emailNorm,
        emailVerified,
        emailMove,
        fullName,
        username,
        usernameKey,
        phone,
        locale,
        profile,
        profilePublic,
      } satisfies Record<keyof ProfilePatch, unknown>;
      return change(at, { ...set, ...(moves && { emailChange: null }) }, event);
    },

    endSessions: (at, { sessionEpoch, keptSessionId }, event) => change(at, { sessionEpoch, keptSessionId }, event),

    lockDown: (at, { sessionEpoch, grantEpoch }, event) =>
      change(at, { sessionEpoch, keptSessionId: null, grantEpoch }, event),

    beginEmailChange: (at, { id, keyId, email, emailNorm, expiresAt, tries }, event) =>
      change(at, { emailChange: { id, keyId, email, emailNorm, expiresAt, tries } }, event),

    takeEmail: (at, { email, emailNorm }, event) =>
      change(at, { email, emailNorm, emailVerified: true, emailChange: null, emailMove: null }, event),

    claim: (at, { passwordVersion, sessionEpoch, grantEpoch, credentialEpoch }, event) =>
      change(
        at,
        {
          emailVerified: true,
          passwordHash: null,
          passwordVersion,
          mustChangePassword: false,
          sessionEpoch,
          keptSessionId: null,
          grantEpoch,
          credentialEpoch,
          emailChange: null,
          invitation: null,
        },
        event,
      ),

    softDelete: (at, { sessionEpoch, grantEpoch }, event) =>
      change(
        at,
        {
          status: 'deleted',
          deletedAt: at.now,
          sessionEpoch,
          keptSessionId: null,
          grantEpoch,
          superadminMark: false,
          emailChange: null,
          emailMove: null,
          invitation: null,
        },
        event,
      ),

    setStatus: (at, { status, sessionEpoch, emailMove }, event) =>
      change(
        at,
        { status, deletedAt: null, sessionEpoch, keptSessionId: null, superadminMark: false, emailMove },
        event,
      ),

    setAvatar: (at, avatarId, event) => change(at, { avatarId }, event),
    setRoles: (at, { roleIds }, event) => change(at, { roleIds: [...roleIds] }, event),
    setSuperadminMark: (at, mark, event) => change(at, { superadminMark: mark }, event),
    invite: (at, { id, keyId, expiresAt }, event) => change(at, { invitation: { id, keyId, expiresAt } }, event),

    acceptInvitation: (at, { hash, passwordVersion, sessionEpoch, username, usernameKey, fullName }, event) =>
      change(
        at,
        {
          passwordHash: hash,
          passwordVersion,
          mustChangePassword: false,
          sessionEpoch,
          keptSessionId: null,
          emailVerified: true,
          invitation: null,
          username,
          usernameKey,
          fullName,
        },
        event,
      ),
  };
}
