import { after, type Clock, MINUTE } from '../../platform/clock.ts';
import { CODE_TTL } from '../../platform/crypto/one-time.ts';
import type { Mail, Occasion } from '../mails/mail.ts';
import type { Circumstances } from '../mails/phrases.ts';
import { GRACE_PERIOD, maskEmail } from './names.ts';
import type { UserRecord, UserStore } from './user-store.ts';
import type { Users } from './users.ts';

export interface UserMailDeps {
  userStore: UserStore;
  users: Pick<Users, 'emailChangeCode'>;
  clock: Clock;
}

/** The change of address that an event requested, and the user who already has that address; null once it is no longer pending. */
async function waitingChange({ event, owner }: Occasion, { userStore, users, clock }: UserMailDeps) {
  const user = await owner();
  const waiting = user?.emailChange;
  if (!user || !waiting || waiting.id !== event.data.challengeId || waiting.expiresAt <= clock()) return null;
  const code = users.emailChangeCode(user.id, waiting);
  if (code === null) return null;
  const holder = await userStore.findByEmail(waiting.emailNorm);
  const isOwn = waiting.emailNorm === user.emailNorm;
  return { user, to: waiting.email, code, isOwn, holder: isOwn ? null : holder };
}

/** Tells the user of an address that somebody requested it for another account. The requester is not told that it is in use. */
export const emailChangeTaken: Mail<UserMailDeps, { isActive: boolean }> = {
  on: ['user.email_change_requested'],
  name: 'mail',
  async letter(occasion, deps) {
    const waiting = await waitingChange(occasion, deps);
    if (!waiting?.holder) return null;
    const { locale, status } = waiting.holder;
    return { to: waiting.to, locale, values: { isActive: status === 'active' } };
  },
  texts: {
    en: ({ isActive }, { hello }) => ({
      subject: 'This e-mail address already has an account',
      blocks: [
        hello(),
        {
          says: 'somebody, perhaps you, tried to use this e-mail address for another account. It belongs to yours, so nothing was changed.',
        },
        {
          says: isActive
            ? 'If it was you, sign in with this address, or choose another one for the other account. Otherwise you do not need to do anything.'
            : 'Your account with this address is deleted or deactivated: the people who run this service can restore it. If it was you, contact them, or choose another address for the other account. Otherwise you do not need to do anything.',
        },
      ],
    }),
    zh: ({ isActive }, { hello }) => ({
      subject: '此邮箱地址已有账号',
      blocks: [
        hello(),
        { says: '有人（也许是您本人）尝试将此邮箱地址用于另一个账号。该地址属于您现有的账号，因此没有任何更改。' },
        {
          says: isActive
            ? '如果是您本人，请用此地址登录，或为另一个账号选择其他地址。否则无需任何操作。'
            : '您使用此地址的账号已被删除或停用，本服务的运营者可以恢复它。如果是您本人，请联系他们，或为另一个账号选择其他地址。否则无需任何操作。',
        },
      ],
    }),
  },
};

/** The code that verifies the address that the account has already. */
export const ownAddressCode: Mail<UserMailDeps, { code: string; expiresMinutes: number }> = {
  on: ['user.email_change_requested'],
  name: 'mail',
  async letter(occasion, deps) {
    const waiting = await waitingChange(occasion, deps);
    if (!waiting?.isOwn) return null;
    const { user, to, code } = waiting;
    return { to, locale: user.locale, values: { code, expiresMinutes: CODE_TTL / MINUTE } };
  },
  texts: {
    en: ({ code, expiresMinutes }, { hello, codeTerms, codeUnasked }) => ({
      subject: 'Confirm your e-mail address',
      blocks: [
        hello(),
        { says: 'enter this code to confirm that this e-mail address of your account is yours:' },
        { code },
        codeTerms(expiresMinutes),
        codeUnasked,
      ],
    }),
    zh: ({ code, expiresMinutes }, { hello, codeTerms, codeUnasked }) => ({
      subject: '请确认您的邮箱地址',
      blocks: [
        hello(),
        { says: '请输入以下验证码，以确认您账号的此邮箱地址属于您：' },
        { code },
        codeTerms(expiresMinutes),
        codeUnasked,
      ],
    }),
  },
};

/** The code that confirms a new address; sent to that address. */
export const emailChangeCode: Mail<UserMailDeps, { code: string; expiresMinutes: number }> = {
  on: ['user.email_change_requested'],
  name: 'mail',
  async letter(occasion, deps) {
    const waiting = await waitingChange(occasion, deps);
    if (!waiting || waiting.holder || waiting.isOwn) return null;
    const { user, to, code } = waiting;
    return { to, locale: user.locale, values: { code, expiresMinutes: CODE_TTL / MINUTE } };
  },
  texts: {
    en: ({ code, expiresMinutes }, { hello, codeTerms, codeUnasked }) => ({
      subject: 'Confirm your new e-mail address',
      blocks: [
        hello(),
        { says: 'enter this code to use this e-mail address for your account from now on:' },
        { code },
        codeTerms(expiresMinutes),
        codeUnasked,
      ],
    }),
    zh: ({ code, expiresMinutes }, { hello, codeTerms, codeUnasked }) => ({
      subject: '请确认您的新邮箱地址',
      blocks: [
        hello(),
        { says: '请输入以下验证码，今后您的账号将使用此邮箱地址：' },
        { code },
        codeTerms(expiresMinutes),
        codeUnasked,
      ],
    }),
  },
};

/** The old and new address of a change; null if they are equal, the event no longer contains them, or the owner is gone. */
async function move({ event, owner }: Occasion): Promise<{ user: UserRecord; from: string; to: string } | null> {
  const [from, to] = [emailIn(event.data.before), emailIn(event.data.after)];
  const user = await owner();
  return !user || from === null || to === null || from === to ? null : { user, from, to };
}

/** Sent to the OLD address. Masks the new one, because somebody else may read the old mailbox by now. */
export const emailChanged: Mail<UserMailDeps, { at: Date; newEmail: string }> = {
  on: ['user.email_changed'],
  name: 'old-address',
  async letter(occasion) {
    const moved = await move(occasion);
    if (!moved) return null;
    const { user, from, to } = moved;
    // What an administrator changed at once is told with a link that stops it, as long as that works.
    if (user.emailMove !== null && user.emailMove.id === occasion.event.data.moveId) return null;
    return { to: from, locale: user.locale, values: { at: occasion.event.at, newEmail: to } };
  },
  texts: {
    en: ({ at, newEmail }, { hello, time }) => ({
      subject: 'Your e-mail address was changed',
      blocks: [
        hello(),
        { says: 'your account uses another e-mail address from now on. This is the last mail to the old one.' },
        {
          facts: [
            ['New address', maskEmail(newEmail)],
            ['Time', time(at)],
          ],
        },
        {
          says: 'If this was not you, somebody else has access to your account: contact the people who run this service immediately.',
        },
      ],
    }),
    zh: ({ at, newEmail }, { hello, time }) => ({
      subject: '您的邮箱地址已更改',
      blocks: [
        hello(),
        { says: '您的账号今后将使用另一个邮箱地址。这是发往旧地址的最后一封邮件。' },
        {
          facts: [
            ['新地址', maskEmail(newEmail)],
            ['时间', time(at)],
          ],
        },
        { says: '如果不是您本人，则说明他人已能使用您的账号，请立即联系本服务的运营者。' },
      ],
    }),
  },
};

/** Sent to the NEW address. Does not contain the old one. */
export const emailChangedNew: Mail<UserMailDeps, Circumstances> = {
  on: ['user.email_changed'],
  name: 'new-address',
  async letter(occasion) {
    const moved = await move(occasion);
    // A user who has not accepted the invitation cannot sign in yet: the new address gets an invitation of its own.
    if (!moved || moved.user.invitation) return null;
    return { to: moved.to, locale: moved.user.locale, values: occasion.circumstances };
  },
  texts: {
    en: (circumstances, { hello, happened }) => ({
      subject: 'This is your new e-mail address',
      blocks: [
        hello(),
        { says: 'your account uses this e-mail address from now on. Sign in with it; our mails will also come here.' },
        happened(circumstances),
        {
          says: 'We have also notified the old address. If you do not know this account, contact the people who run this service.',
        },
      ],
    }),
    zh: (circumstances, { hello, happened }) => ({
      subject: '这是您的新邮箱地址',
      blocks: [
        hello(),
        { says: '您的账号今后将使用此邮箱地址。请用它登录，我们的邮件也会发送到这里。' },
        happened(circumstances),
        { says: '我们也已通知旧地址。如果您对此账号一无所知，请联系本服务的运营者。' },
      ],
    }),
  },
};

export const accountDeleted: Mail<UserMailDeps, { restorableUntil: Date }> = {
  on: ['user.deleted'],
  name: 'mail',
  async letter({ event, owner }) {
    const user = await owner();
    const values = { restorableUntil: after(event.at, GRACE_PERIOD) };
    return user && { to: user.email, locale: user.locale, values };
  },
  texts: {
    en: ({ restorableUntil }, { hello, day }) => ({
      subject: 'Your account was deleted',
      blocks: [
        hello(),
        { says: 'your account was deleted and you are signed out everywhere.' },
        {
          says: `Until ${day(restorableUntil)} the people who run this service can restore it. After that it is erased permanently.`,
        },
        { says: 'If this was not you, contact them before that day.' },
      ],
    }),
    zh: ({ restorableUntil }, { hello, day }) => ({
      subject: '您的账号已删除',
      blocks: [
        hello(),
        { says: '您的账号已被删除，您已在所有设备上退出登录。' },
        { says: `在 ${day(restorableUntil)} 之前，本服务的运营者可以恢复它。此后它将被彻底清除。` },
        { says: '如果不是您本人的操作，请在该日期之前联系他们。' },
      ],
    }),
  },
};

/** The address in the `before` or `after` of a change. */
function emailIn(half: unknown): string | null {
  const { email } = (half ?? {}) as { email?: unknown };
  return typeof email === 'string' ? email : null;
}
