import { after } from '../../platform/clock.ts';
import type { Mail, Occasion } from '../mails/mail.ts';
import { GRACE_PERIOD } from '../users/names.ts';
import type { UserRecord } from '../users/user-store.ts';
import { waitingRegistration } from './letters.ts';
import type { AuthMailDeps } from './mails.ts';

/** What a stranger can trigger with an address, whatever state its account is in: the answers are alike, and the mails tell the truth. */
const ASKED = [
  'registration.started',
  'registration.code_resent',
  'password_reset.requested',
  'email_sign_in.requested',
  'email_sign_in.code_resent',
];

/** The account with the address that somebody wants to register, to reset or to sign in with; null if there is none, or no mail is due. */
async function accountAsked(occasion: Occasion, deps: AuthMailDeps): Promise<UserRecord | null> {
  if (occasion.event.type.startsWith('registration.'))
    return (await waitingRegistration(occasion, deps))?.known ?? null;
  const challenge = await deps.challengeStore.find(occasion.targetId);
  if (!challenge || challenge.expiresAt <= deps.clock()) return null;
  return deps.userStore.findByEmail(challenge.emailNorm);
}

/** For an account that was deleted and can still be restored. `byOwner`: null if the history no longer tells. */
export const deletedAccountAsked: Mail<AuthMailDeps, { byOwner: boolean | null; restorableUntil: Date }> = {
  on: ASKED,
  name: 'mail',
  async letter(occasion, deps) {
    const user = await accountAsked(occasion, deps);
    if (user?.status !== 'deleted' || user.deletedAt === null) return null;
    const filter = { target: `user:${user.id}`, type: 'user.deleted' };
    const [deletion] = await deps.eventStore.list(filter, { before: null, limit: 1 });
    const byOwner = deletion ? deletion.actorId === user.id : null;
    const values = { byOwner, restorableUntil: after(user.deletedAt, GRACE_PERIOD) };
    return { to: user.email, locale: user.locale, values };
  },
  texts: {
    en: ({ byOwner, restorableUntil }, { hello, day }) => ({
      subject: 'Your account is deleted',
      blocks: [
        hello(),
        {
          says: `Somebody, probably you, tried to register or to sign in with this e-mail address, or to reset its password. It has an account that was deleted${byOwner === null ? '' : byOwner ? ' by its owner' : ' by an administrator'}, so nothing was changed.`,
        },
        {
          says: `Until ${day(restorableUntil)} the people who run this service can restore the account: please contact them, and you sign in as before. After that day it is erased, and you can register again with this address.`,
        },
        { says: 'If this was not you, you do not need to do anything.' },
      ],
    }),
    zh: ({ byOwner, restorableUntil }, { hello, day }) => ({
      subject: '您的账号已被删除',
      blocks: [
        hello(),
        {
          says: `有人（很可能是您本人）尝试用此邮箱地址注册、登录或重置密码。该地址的账号已被${byOwner === null ? '' : byOwner ? '账号所有者' : '管理员'}删除，因此没有任何更改。`,
        },
        {
          says: `在 ${day(restorableUntil)} 之前，本服务的运营者可以恢复该账号：请联系他们，之后即可照常登录。此后账号将被清除，您可以用此地址重新注册。`,
        },
        { says: '如果不是您本人，则无需任何操作。' },
      ],
    }),
  },
};

/** For an account that an administrator has deactivated. */
export const deactivatedAccountAsked: Mail<AuthMailDeps, null> = {
  on: ASKED,
  name: 'mail',
  async letter(occasion, deps) {
    const user = await accountAsked(occasion, deps);
    return user?.status === 'disabled' ? { to: user.email, locale: user.locale, values: null } : null;
  },
  texts: {
    en: (_values, { hello }) => ({
      subject: 'Your account is deactivated',
      blocks: [
        hello(),
        {
          says: 'Somebody, probably you, tried to register or to sign in with this e-mail address, or to reset its password. It has an account that an administrator has deactivated, so nothing was changed.',
        },
        {
          says: 'Nobody can sign in to it for now. The people who run this service can activate it again: please contact them.',
        },
        { says: 'If this was not you, you do not need to do anything.' },
      ],
    }),
    zh: (_values, { hello }) => ({
      subject: '您的账号已被停用',
      blocks: [
        hello(),
        {
          says: '有人（很可能是您本人）尝试用此邮箱地址注册、登录或重置密码。该地址的账号已被管理员停用，因此没有任何更改。',
        },
        { says: '目前无法登录该账号。本服务的运营者可以重新启用它：请联系他们。' },
        { says: '如果不是您本人，则无需任何操作。' },
      ],
    }),
  },
};

/** For an account that an administrator created, whose invitation has expired: the mailed reset sets its first password, too. */
export const expiredInvitationAsked: Mail<AuthMailDeps, { signInUrl: string }> = {
  on: ['registration.started', 'registration.code_resent'],
  name: 'mail',
  async letter(occasion, deps) {
    const user = (await waitingRegistration(occasion, deps))?.known;
    if (user?.status !== 'active' || user.passwordHash !== null || deps.invitations.secret(user) !== null) return null;
    return { to: user.email, locale: user.locale, values: { signInUrl: deps.pagesUrl } };
  },
  texts: {
    en: ({ signInUrl }, { hello }) => ({
      subject: 'Your account has no password yet',
      blocks: [
        hello(),
        {
          says: 'Somebody, probably you, tried to register with this e-mail address. An account was created for you with it, but its invitation has expired, so no password has been chosen yet.',
        },
        {
          says: 'Please ask for a password reset on the sign-in page: the link that we then mail to you sets the first password.',
        },
        { link: signInUrl, label: 'Go to the sign-in page' },
        { says: 'If this was not you, you do not need to do anything: your account has not changed.' },
      ],
    }),
    zh: ({ signInUrl }, { hello }) => ({
      subject: '您的账号尚未设置密码',
      blocks: [
        hello(),
        {
          says: '有人（很可能是您本人）尝试用此邮箱地址注册。我们已用此地址为您创建了账号，但邀请已过期，因此尚未设置密码。',
        },
        { says: '请在登录页面申请重置密码：我们随后发送的链接可用于设置第一个密码。' },
        { link: signInUrl, label: '前往登录页面' },
        { says: '如果不是您本人，则无需任何操作：您的账号没有任何变化。' },
      ],
    }),
  },
};
