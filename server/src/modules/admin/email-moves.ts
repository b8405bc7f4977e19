import { Type } from 'typebox';
import { after, type Clock, DAY } from '../../platform/clock.ts';
import { formatIdToken, parseIdToken } from '../../platform/crypto/id-token.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { deriveToken, sameSecret } from '../../platform/crypto/one-time.ts';
import type { RefusalDelay } from '../../platform/crypto/refusal-delay.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { SYSTEM_CALLER } from '../../platform/http/system-caller.ts';
import { newId } from '../../platform/ids.ts';
import { defineJob } from '../../platform/queue/define-job.ts';
import type { Jobs } from '../../platform/queue/jobs.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { Superadmins } from '../access/superadmins.ts';
import { authErrors } from '../auth/errors.ts';
import type { Events } from '../events/events.ts';
import { userErrors } from '../users/errors.ts';
import type { EmailMove, UserRecord, UserStore } from '../users/user-store.ts';
import type { AccountAccess } from './account-access.ts';

type Address = Pick<EmailMove, 'email' | 'emailNorm' | 'emailVerified'>;

/** New addresses that administrators give: they wait where the account holds power, and the old address can stop them (decision 37). */
export interface EmailMoves {
  /** Whether a new address must wait: the account holds any role beyond those of a new user, and somebody owns it. */
  mustWait(user: UserRecord): Promise<boolean>;
  /** The record of a move. Throws `email_taken` for one that waits, if somebody has the address now. */
  draft(user: UserRecord, address: Address, options: { waits: boolean }): Promise<EmailMove>;
  /** The token of the link that stops a move; null if it has none, or its key is gone. Derived, so that every mail has the same. */
  stopToken(user: UserRecord): string | null;
  /**
   * By the old address: ends a move that waits. One that took effect less than a day ago disables the account until an administrator has
   * looked: neither of the two mailboxes gets it. Throws `token_invalid`, `superadmin_protected`.
   */
  stop(caller: Caller, token: string): Promise<void>;
  /** By an administrator: ends a move that waits; does nothing if there is none. Throws `user_not_found`, `power_exceeded`. */
  cancel(caller: Caller, id: string): Promise<void>;
}

const PURPOSE = 'stop-email-move';
/** Milliseconds for which a move that took effect at once can be stopped. */
export const STOPPABLE_FOR = 1 * DAY;

/** The move that waits; null if there is none. One away from an address that the user no longer has is void. */
export function waitingMove({ emailMove, emailNorm }: Pick<UserRecord, 'emailMove' | 'emailNorm'>): EmailMove | null {
  return emailMove !== null && emailMove.fromNorm === emailNorm ? emailMove : null;
}

/** Creates the use cases, and the job that carries out what waited. */
export function createEmailMoves(deps: {
  store: UserStore;
  access: AccountAccess;
  superadmins: Superadmins;
  /** Invites the new address of somebody who was invited to the old one. */
  inviteAgain: (caller: Caller, userId: string) => Promise<unknown>;
  firstRoleIds: readonly string[];
  /** Milliseconds. */
  delay: number;
  events: Events;
  jobs: Jobs;
  keyring: Keyring;
  delayRefusal: RefusalDelay;
  clock: Clock;
}): EmailMoves {
  const { store, access, superadmins, inviteAgain, firstRoleIds, delay, events, jobs, clock } = deps;
  const { keyring, delayRefusal } = deps;
  const { change, describe } = access;

  const move = jobs.register(
    defineJob({
      name: 'users.move-email',
      schema: Type.Object({ userId: Type.String(), moveId: Type.String() }, { additionalProperties: false }),
      retries: 100,
      async run({ userId, moveId }) {
        const dueAt = (await store.find(userId))?.emailMove?.dueAt;
        // The clock that counted the delay was ahead of this one.
        const early = dueAt === undefined ? 0 : dueAt.getTime() - clock().getTime();
        if (early > 0) await move.enqueue({ userId, moveId }, { delay: early, promised: true });
        return { moved: early <= 0 && (await carryOut(userId, moveId)) };
      },
    }),
  );

  events.on('user.email_move_requested', 'email-move', async ({ id, userId, data }) => {
    const { moveId, takesEffectAt } = data as { moveId: string; takesEffectAt: string };
    if (userId === null) return;
    const wait = Math.max(0, new Date(takesEffectAt).getTime() - clock().getTime());
    await move.enqueue({ userId, moveId }, { key: id, delay: wait, promised: true });
  });

  /** False if the move was stopped or replaced, or somebody else has the address by now. */
  async function carryOut(userId: string, moveId: string): Promise<boolean> {
    const moved = await untilWon(async () => {
      const user = await store.find(userId);
      const waiting = user && user.status !== 'erased' ? waitingMove(user) : null;
      if (!user || waiting?.id !== moveId) return 'not';
      const at = { id: userId, version: user.version, now: clock() };
      const { email, emailNorm, emailVerified } = waiting;
      const data = {
        before: { email: user.email, emailVerified: user.emailVerified },
        after: { email, emailVerified },
      };
      const event = describe(SYSTEM_CALLER, 'user.email_changed', user, data);
      const result = await store.patchProfile(at, { email, emailNorm, emailVerified }, event);
      if (result === 'ok') return user.invitation !== null && user.status === 'active' ? 'invite' : 'moved';
      if (result !== 'email_taken') return null;
      const failed = describe(SYSTEM_CALLER, 'user.email_move_failed', user, { moveId, reason: result });
      return (await store.patchProfile(at, { emailMove: null }, failed)) === 'ok' ? 'not' : null;
    });
    if (moved === 'invite') await inviteAgain(SYSTEM_CALLER, userId);
    return moved !== 'not';
  }

  function secretOf({ id: userId, emailMove }: UserRecord): Buffer | null {
    if (!emailMove || !keyring.has(emailMove.keyId)) return null;
    const { id, keyId, fromNorm, emailNorm } = emailMove;
    return deriveToken(keyring, { purpose: PURPOSE, id, subject: `${userId} ${fromNorm} ${emailNorm}`, keyId });
  }

  const isStoppable = ({ emailMove, emailNorm, status }: UserRecord) =>
    emailMove !== null &&
    emailMove.emailNorm === emailNorm &&
    status === 'active' &&
    after(emailMove.dueAt, STOPPABLE_FOR) > clock();

  return {
    async mustWait({ id, emailNorm, roleIds, passwordHash, invitation }) {
      // Nobody has accepted the invitation yet: a mistyped address is corrected at once, and its link is void.
      const isUnclaimed = passwordHash === null && invitation !== null;
      if (emailNorm === null || isUnclaimed) return false;
      if (roleIds.some((roleId) => !firstRoleIds.includes(roleId))) return true;
      return (await superadmins.read()).userIds.includes(id);
    },

    async draft({ emailNorm: fromNorm }, { email, emailNorm, emailVerified }, { waits }) {
      const now = clock();
      if (waits && (await store.findByEmail(emailNorm))) throw userErrors.email_taken();
      const dueAt = waits ? after(now, delay) : now;
      return { id: newId(now), keyId: keyring.currentKeyId, fromNorm, email, emailNorm, emailVerified, dueAt };
    },

    stopToken(user) {
      const secret = secretOf(user);
      return secret && formatIdToken(user.id, secret);
    },

    async stop(caller, token) {
      const parts = parseIdToken(token);
      if (parts === null) throw authErrors.token_invalid();
      await delayRefusal(parts.id, () =>
        untilWon(async () => {
          const user = await store.find(parts.id);
          const secret = user && secretOf(user);
          if (!user || !secret || !sameSecret(parts.secret, secret)) throw authErrors.token_invalid();
          const at = { id: user.id, version: user.version, now: clock() };
          const data = { moveId: user.emailMove?.id, by: 'old_address' };
          if (waitingMove(user)) {
            const event = describe(caller, 'user.email_move_stopped', user, data);
            return (await store.patchProfile(at, { emailMove: null }, event)) === 'ok' ? true : null;
          }
          if (!isStoppable(user)) throw authErrors.token_invalid();
          if (user.superadminMark) await superadmins.demandNotSuperadmin(caller, user.id);
          const status = { before: { status: user.status }, after: { status: 'disabled' } };
          const event = describe(caller, 'user.deactivated', user, { ...status, ...data });
          const sessionEpoch = user.sessionEpoch + 1;
          const disabled = await store.setStatus(at, { status: 'disabled', sessionEpoch, emailMove: null }, event);
          return disabled === 'ok' ? true : null;
        }),
      );
    },

    async cancel(caller, id) {
      await change(caller, id, 'demandOver', (user, at) => {
        const waiting = waitingMove(user);
        if (!waiting) return null;
        const event = describe(caller, 'user.email_move_stopped', user, { moveId: waiting.id });
        return store.patchProfile(at, { emailMove: null }, event);
      });
    },
  };
}
