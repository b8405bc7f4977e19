import { type Clock, MINUTE } from '../../platform/clock.ts';
import { CODE_TTL } from '../../platform/crypto/one-time.ts';
import type { EventStore } from '../events/event-store.ts';
import type { Mail } from '../mails/mail.ts';
import type { Circumstances } from '../mails/phrases.ts';
import type { UserStore } from '../users/user-store.ts';
import type { ChallengeStore } from './challenge-store.ts';
import type { Invitations } from './invitations.ts';
import { type InvitationValues, invitationLetter, linkTo, waitingRegistration } from './letters.ts';
import { type Passwords, RESET_TTL } from './passwords.ts';
import type { Registrations } from './registration.ts';
import type { RegistrationStore } from './registration-store.ts';

export interface AuthMailDeps {
  registrationStore: RegistrationStore;
  challengeStore: ChallengeStore;
  userStore: UserStore;
  eventStore: EventStore;
  registrations: Pick<Registrations, 'codeOf'>;
  passwords: Pick<Passwords, 'resetSecret'>;
  invitations: Pick<Invitations, 'secret'>;
  /** Where the pages are that mails lead to. */
  pagesUrl: string;
  clock: Clock;
}

/** Tells the owner of an account that somebody registered with its address; the answer to the request does not reveal that. Accounts in
 * other states: `account-mails.ts`. */
export const addressKnown: Mail<AuthMailDeps, { signInUrl?: string | null }> = {
  on: ['registration.started', 'registration.code_resent'],
  name: 'mail',
  async letter(occasion, deps) {
    const known = (await waitingRegistration(occasion, deps))?.known;
    if (known?.status !== 'active' || known.passwordHash === null) return null;
    return { to: known.email, locale: known.locale, values: { signInUrl: deps.pagesUrl } };
  },
  texts: {
    en: ({ signInUrl }, { hello }) => ({
      subject: 'You already have an account',
      blocks: [
        hello(),
        {
          says: 'Somebody, probably you, tried to register with this e-mail address. It already has an account, so no new one was created.',
        },
        {
          says: 'Please sign in with your password. If you have forgotten it, you can reset it on the sign-in page.',
        },
        ...(signInUrl ? [{ link: signInUrl, label: 'Go to the sign-in page' }] : []),
        { says: 'If this was not you, you do not need to do anything: your account has not changed.' },
      ],
    }),
    zh: ({ signInUrl }, { hello }) => ({
      subject: '您已有账号',
      blocks: [
        hello(),
        { says: '有人（很可能是您本人）尝试用此邮箱地址注册。该地址已有账号，因此没有创建新的账号。' },
        { says: '请用现有的密码登录。如果忘记了密码，可以在登录页面申请重置。' },
        ...(signInUrl ? [{ link: signInUrl, label: '前往登录页面' }] : []),
        { says: '如果不是您本人，则无需任何操作：您的账号没有任何变化。' },
      ],
    }),
  },
};

/** The code that verifies an address at its registration. */
export const verificationCode: Mail<AuthMailDeps, { code: string; expiresMinutes: number; name?: string | null }> = {
  on: ['registration.started', 'registration.code_resent'],
  name: 'mail',
  async letter(occasion, deps) {
    const waiting = await waitingRegistration(occasion, deps);
    if (!waiting || waiting.known) return null;
    const { registration, code } = waiting;
    const values = { code, expiresMinutes: CODE_TTL / MINUTE, name: registration.fullName };
    return { to: registration.email, locale: registration.locale, values };
  },
  texts: {
    en: ({ code, expiresMinutes, name }, { hello, codeTerms, codeUnasked }) => ({
      subject: 'Your verification code',
      blocks: [
        hello(name),
        { says: 'Please enter this code to confirm your e-mail address:' },
        { code },
        codeTerms(expiresMinutes),
        codeUnasked,
      ],
    }),
    zh: ({ code, expiresMinutes, name }, { hello, codeTerms, codeUnasked }) => ({
      subject: '您的验证码',
      blocks: [
        hello(name),
        { says: '请输入以下验证码，以确认您的邮箱地址：' },
        { code },
        codeTerms(expiresMinutes),
        codeUnasked,
      ],
    }),
  },
};

/** Sent once, after the account was created. `url`: the address of the service. */
export const welcome: Mail<AuthMailDeps, { name?: string | null; url?: string | null }> = {
  on: ['user.registered'],
  name: 'mail',
  async letter({ owner }, { pagesUrl }) {
    const user = await owner();
    return user && { to: user.email, locale: user.locale, values: { name: user.fullName, url: pagesUrl } };
  },
  texts: {
    en: ({ name, url }, { hello }) => ({
      subject: 'Welcome',
      blocks: [
        hello(name),
        { says: 'Your account is ready. We are glad to have you with us.' },
        ...(url ? [{ link: url, label: 'Go to the service' }] : []),
        {
          says: 'We will write to this address when something about your account changes, such as its password, or when somebody signs in from a new device.',
        },
      ],
    }),
    zh: ({ name, url }, { hello }) => ({
      subject: '欢迎加入',
      blocks: [
        hello(name),
        { says: '您的账号已可使用。欢迎您的到来！' },
        ...(url ? [{ link: url, label: '前往服务' }] : []),
        { says: '当您的账号发生变化时，例如更改密码或从新设备登录，我们会向此地址发送邮件。' },
      ],
    }),
  },
};

/** The link that sets a new password; `url` contains the token in its fragment, `code` is for typing on `page`. */
export const resetLink: Mail<AuthMailDeps, { url: string; code: string; page: string; expiresMinutes?: number }> = {
  on: ['password_reset.requested'],
  name: 'mail',
  async letter({ targetId }, { challengeStore, userStore, passwords, pagesUrl, clock }) {
    const challenge = await challengeStore.find(targetId);
    if (!challenge || challenge.expiresAt <= clock()) return null;
    const user = await userStore.findByEmail(challenge.emailNorm);
    if (user?.status !== 'active') return null;
    const secret = passwords.resetSecret(challenge, user);
    if (secret === null) return null;
    const values = { ...linkTo(`${pagesUrl}/reset-password`, secret), expiresMinutes: RESET_TTL / MINUTE };
    return { to: user.email, locale: user.locale, values };
  },
  texts: {
    en: ({ url, code, page, expiresMinutes: count }, { hello, minutes, codeInstead }) => ({
      subject: 'Reset your password',
      blocks: [
        hello(),
        { says: 'Somebody, probably you, asked to reset the password of your account. Choose a new one here:' },
        { link: url, label: 'Choose a new password' },
        codeInstead(page),
        { code },
        {
          says: `Link and code${count === undefined ? '' : ` are valid for ${minutes(count)} and`} work once. Please do not share them: anybody who has them can take over your account.`,
        },
        { says: 'If you did not ask for this, you do not need to do anything: your password does not change.' },
      ],
    }),
    zh: ({ url, code, page, expiresMinutes: count }, { hello, minutes, codeInstead }) => ({
      subject: '重置您的密码',
      blocks: [
        hello(),
        { says: '有人（很可能是您本人）申请为您的账号设置新密码。请在此设置：' },
        { link: url, label: '设置新密码' },
        codeInstead(page),
        { code },
        {
          says: `此链接和代码${count === undefined ? '' : `在 ${minutes(count)}内有效，且`}只能使用一次。请勿转发：任何持有它们的人都能接管您的账号。`,
        },
        { says: '如果您没有提出此申请，则无需任何操作：您的密码不会改变。' },
      ],
    }),
  },
};

/**
 * The link for the first password of an account that an administrator created; `url` contains the token in its fragment. Once more for
 * somebody who registers instead of accepting it.
 */
export const invitation: Mail<AuthMailDeps, InvitationValues> = {
  on: ['user.invited', 'registration.started', 'registration.code_resent'],
  name: 'mail',
  async letter(occasion, deps) {
    const { event } = occasion;
    if (event.type === 'user.invited') {
      const user = await occasion.owner();
      return user?.invitation?.id === event.data.invitationId ? user && invitationLetter(user, deps) : null;
    }
    const known = (await waitingRegistration(occasion, deps))?.known;
    return known ? invitationLetter(known, deps) : null;
  },
  texts: {
    en: ({ url, code, page, expiresDays: days, name }, { hello, codeInstead }) => ({
      subject: 'You are invited',
      blocks: [
        hello(name),
        { says: 'An account was created for you with this e-mail address. Choose a password to start using it:' },
        { link: url, label: 'Accept the invitation' },
        codeInstead(page),
        { code },
        {
          says: `Link and code are valid for ${days} days and work once. Please do not share them: anybody who has them can take over your account.`,
        },
        {
          says: 'If you do not know what this is about, you do not need to do anything: nobody can sign in before the invitation is accepted.',
        },
      ],
    }),
    zh: ({ url, code, page, expiresDays: days, name }, { hello, codeInstead }) => ({
      subject: '邀请您加入',
      blocks: [
        hello(name),
        { says: '我们已用此邮箱地址为您创建了账号。请设置密码以开始使用：' },
        { link: url, label: '接受邀请' },
        codeInstead(page),
        { code },
        { says: `此链接和代码在 ${days} 天内有效，且只能使用一次。请勿转发：任何持有它们的人都能得到该账号。` },
        { says: '如果您不清楚这是什么，则无需任何操作：在链接被使用之前，没有人能够登录。' },
      ],
    }),
  },
};

/** Sent after a password was changed or reset, or set by an administrator. */
export const passwordChanged: Mail<AuthMailDeps, Circumstances> = {
  on: ['user.password_changed', 'user.password_reset', 'user.temporary_password_set'],
  name: 'mail',
  async letter({ owner, circumstances }) {
    const user = await owner();
    return user && { to: user.email, locale: user.locale, values: circumstances };
  },
  texts: {
    en: (circumstances, { hello, happened }) => ({
      subject: 'Your password was changed',
      blocks: [
        hello(),
        { says: 'The password of your account was changed.' },
        happened({ ...circumstances, country: null }),
        {
          says: 'If this was you, you do not need to do anything. If not, please reset your password now: that ends every session.',
        },
      ],
    }),
    zh: (circumstances, { hello, happened }) => ({
      subject: '您的密码已更改',
      blocks: [
        hello(),
        { says: '您账号的密码已被更改。' },
        happened({ ...circumstances, country: null }),
        { says: '如果是您本人，则一切正常。如果不是，请立即重置密码，所有会话都会随之结束。' },
      ],
    }),
  },
};

/** Sent when the sign-ins of an account are delayed after many wrong passwords; at most once a day. */
export const signInBlocked: Mail<AuthMailDeps, Circumstances> = {
  on: ['user.sign_in_blocked'],
  name: 'mail',
  async letter({ owner, circumstances }) {
    const user = await owner();
    return user && { to: user.email, locale: user.locale, values: circumstances };
  },
  texts: {
    en: (circumstances, { hello, happened }) => ({
      subject: 'Somebody is trying to sign in to your account',
      blocks: [
        hello(),
        {
          says: 'There were many attempts to sign in to your account within a short time. For a while, sign-ins from devices that are new to your account are delayed; on devices that you have used before, you can sign in as usual.',
        },
        happened(circumstances),
        {
          says: 'If this was you, please wait a while, or reset your password. If not, please check your sessions, and choose a new password if you also use the current one elsewhere. We write about this at most once a day, however many attempts follow.',
        },
      ],
    }),
    zh: (circumstances, { hello, happened }) => ({
      subject: '有人正在尝试登录您的账号',
      blocks: [
        hello(),
        {
          says: '短时间内有许多登录您账号的尝试。我们会在一段时间内延迟新设备的登录；在您使用过的设备上，您仍可照常登录。',
        },
        happened(circumstances),
        {
          says: '如果是您本人，请稍后再试，或重置密码。如果不是，请查看您的会话；若您在别处也使用同一密码，请更换新密码。无论此后还有多少次尝试，我们每天只通知一次。',
        },
      ],
    }),
  },
};
