import type { Clock } from '../../platform/clock.ts';
import { checkFields, platformErrors } from '../../platform/errors.ts';
import type { Caller, SessionActor } from '../../platform/http/caller.ts';
import { demandVersion } from '../../platform/http/versions.ts';
import type { Events } from '../events/events.ts';
import type { ChangeActive } from './change-active.ts';
import { auditDiff, keptSession, type PersonInput, toPerson, toUsername } from './names.ts';
import type { UserRecord, UserStore } from './user-store.ts';

/** The fields that users may change themselves, as received. */
export interface ProfileInput extends PersonInput {
  username?: string | null;
}

/** What users do with their own accounts. */
export interface OwnAccount {
  /** Throws `unauthenticated` if the user no longer exists. */
  me(actor: SessionActor): Promise<UserRecord>;
  /** Throws `unauthenticated`, `username_invalid`, `username_taken`, `locale_invalid` and `version_conflict`. */
  patchMe(caller: Caller, actor: SessionActor, input: ProfileInput): Promise<UserRecord>;
  /** Sets or takes away the avatar, a file that is stored already. Throws `unauthenticated` if the user is not active any more. */
  setAvatar(caller: Caller, userId: string, avatarId: string | null): Promise<UserRecord>;
  /** Deletes the account; it can be restored for 30 days. Ends every session. Throws `superadmin_protected` and `version_conflict`. */
  deleteMe(caller: Caller, actor: SessionActor): Promise<void>;
  /** Ends all that acts for a user without their second factor or password: sessions, keys, grants and trusted devices, in one write. */
  lockDown(caller: Caller, userId: string): Promise<void>;
  /** Ends all sessions of a user except `keep`, in one write. Throws `unauthenticated` if `keep` was ended in the meantime. */
  endSessions(caller: Caller, userId: string, keep: SessionActor | null): Promise<void>;
}

export function createOwnAccount(deps: {
  store: UserStore;
  change: ChangeActive;
  toOwnUsername: (input: string | null, held: string | null) => ReturnType<typeof toUsername>;
  demandNotSuperadmin: (caller: Caller, userId: string) => Promise<void>;
  events: Events;
  clock: Clock;
}): OwnAccount {
  const { store, change, toOwnUsername, demandNotSuperadmin, events, clock } = deps;

  const about = (user: UserRecord) => ({ target: `user:${user.id}`, userId: user.id });
  const at = (user: UserRecord) => ({ id: user.id, version: user.version, now: clock() });

  return {
    async me(actor) {
      const user = await store.find(actor.userId);
      if (!user) throw platformErrors.unauthenticated();
      return user;
    },

    async patchMe(caller, actor, input) {
      const { username } = input;
      // Whether somebody else holds the name is asked below, of the record as it then is.
      const { person: ofAll } = await checkFields({ person: () => toPerson(input), name: () => toUsername(username) });
      return change(actor.userId, async (user) => {
        demandVersion(caller, user);
        const patch = { ...ofAll, ...(username !== undefined && toOwnUsername(username, user.usernameKey)) };
        const event = events.describe(caller, {
          type: 'user.profile_changed',
          ...about(user),
          data: auditDiff(user, patch),
        });
        return store.patchProfile(at(user), patch, event);
      });
    },

    setAvatar: (caller, userId, avatarId) =>
      change(userId, async (user) => {
        const data = { before: { avatarId: user.avatarId }, after: { avatarId } };
        const event = events.describe(caller, { type: 'user.avatar_changed', ...about(user), data });
        return store.setAvatar(at(user), avatarId, event);
      }),

    async deleteMe(caller, actor) {
      await change(actor.userId, async (user) => {
        demandVersion(caller, user);
        if (user.superadminMark) await demandNotSuperadmin(caller, user.id);
        const data = { before: { status: user.status }, after: { status: 'deleted' } };
        const event = events.describe(caller, { type: 'user.deleted', ...about(user), data, evicts: true });
        const { sessionEpoch, grantEpoch } = user;
        return store.softDelete(at(user), { sessionEpoch: sessionEpoch + 1, grantEpoch: grantEpoch + 1 }, event);
      });
    },

    async lockDown(caller, userId) {
      await change(userId, async (user) => {
        const event = events.describe(caller, { type: 'user.locked_down', ...about(user), evicts: true });
        const { sessionEpoch, grantEpoch } = user;
        return store.lockDown(at(user), { sessionEpoch: sessionEpoch + 1, grantEpoch: grantEpoch + 1 }, event);
      });
    },

    async endSessions(caller, userId, keep) {
      await change(userId, async (user) => {
        const keptSessionId = keep && keptSession(user, keep);
        const event = events.describe(caller, {
          type: 'user.sessions_ended',
          ...about(user),
          data: { kept: keptSessionId },
          evicts: true,
        });
        return store.endSessions(at(user), { sessionEpoch: user.sessionEpoch + 1, keptSessionId }, event);
      });
    },
  };
}
