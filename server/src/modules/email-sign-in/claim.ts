import type { Clock } from '../../platform/clock.ts';
import type { Caller } from '../../platform/http/caller.ts';
import type { Events } from '../events/events.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';

/**
 * Gives an account with an unverified address to whoever has proved its mailbox: whoever made it may be somebody else, and keeps neither password nor
 * session, key or factor. One write, for the state that `user` was read in. Returns the user with the versions of exactly this change, so
 * that whatever ends all sessions later also ends the one that follows. Throws `lost` if anything of it has changed since.
 */
export type Claim = (caller: Caller, user: UserRecord, lost: () => Error) => Promise<UserRecord>;

export function createClaim(deps: { userStore: UserStore; users: Users; events: Events; clock: Clock }): Claim {
  const { userStore, users, events, clock } = deps;
  return async (caller, read, lost) => {
    const { id, emailNorm } = read;
    const raised = {
      passwordVersion: read.passwordVersion + 1,
      sessionEpoch: read.sessionEpoch + 1,
      grantEpoch: read.grantEpoch + 1,
      credentialEpoch: read.credentialEpoch + 1,
    };
    const claimed = await users.change(
      id,
      (user) => {
        const isSame = Object.entries(raised).every(([name, next]) => user[name as keyof typeof raised] === next - 1);
        if (!isSame || user.emailVerified || user.emailNorm !== emailNorm) throw lost();
        const data = {
          before: { emailVerified: false, hasPassword: user.passwordHash !== null },
          after: { emailVerified: true, hasPassword: false },
        };
        const about = { target: `user:${id}`, userId: id, actorId: id };
        const event = events.describe(caller, { type: 'user.claimed', ...about, data, evicts: true });
        return userStore.claim({ id, version: user.version, now: clock() }, raised, event);
      },
      lost,
    );
    return { ...claimed, ...raised };
  };
}
