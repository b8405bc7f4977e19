import { type Clock, MINUTE } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { CODE_TTL } from '../../platform/crypto/one-time.ts';
import type { ChallengeStore } from '../auth/challenge-store.ts';
import type { Mail } from '../mails/mail.ts';
import type { Circumstances } from '../mails/phrases.ts';
import type { UserStore } from '../users/user-store.ts';
import { signInSecret } from './secrets.ts';

export interface EmailSignInMailDeps {
  store: ChallengeStore;
  userStore: UserStore;
  keyring: Keyring;
  config: Config;
  clock: Clock;
}

interface SignInValues {
  code: string;
  /** Null: the mail has no link. */
  url: string | null;
  expiresMinutes: number;
  circumstances: Circumstances;
}

/** The page of the link: of this server, or of `PAGES_URL`. */
export const LINK_PAGE = '/email-sign-in';

/** The code that signs in, and the link that does. The same for an address whose account begins with it. */
export const signInCode: Mail<EmailSignInMailDeps, SignInValues> = {
  on: ['email_sign_in.requested', 'email_sign_in.code_resent'],
  name: 'mail',
  async letter({ targetId, circumstances }, { store, userStore, keyring, config, clock }) {
    const { mode } = config.emailSignIn;
    const challenge = await store.find(targetId);
    if (mode === 'off' || challenge?.purpose !== 'email_sign_in' || challenge.expiresAt <= clock()) return null;
    const user = await userStore.findByEmail(challenge.emailNorm);
    if (user === null ? config.registration !== 'open' : user.status !== 'active') return null;
    const secret = signInSecret(keyring, challenge, user);
    if (secret === null) return null;
    const url = mode === 'link' ? `${config.pagesUrl}${LINK_PAGE}#token=${secret.token}` : null;
    const values = { code: secret.code, url, expiresMinutes: CODE_TTL / MINUTE, circumstances };
    return { to: user?.email ?? challenge.email, locale: user ? user.locale : challenge.locale, values };
  },
  texts: {
    en: ({ code, url, expiresMinutes, circumstances }, { hello, happened, codeTerms }) => ({
      subject: 'Your sign-in code',
      blocks: [
        hello(),
        { says: 'Somebody, probably you, wants to sign in with this e-mail address. Enter this code where you began:' },
        { code },
        ...(url === null ? [] : [{ says: 'Or open this link in the same browser:' }, { link: url, label: 'Sign in' }]),
        codeTerms(expiresMinutes),
        happened({ ...circumstances, country: null }),
        {
          says: 'If this was not you, do not enter the code anywhere and do not pass it on: whoever has it can sign in as you. Without it, nothing happens.',
        },
      ],
    }),
    zh: ({ code, url, expiresMinutes, circumstances }, { hello, happened, codeTerms }) => ({
      subject: '您的登录验证码',
      blocks: [
        hello(),
        { says: '有人（很可能是您本人）希望用此邮箱地址登录。请在您发起登录的页面输入以下验证码：' },
        { code },
        ...(url === null ? [] : [{ says: '或者在同一浏览器中打开此链接：' }, { link: url, label: '登录' }]),
        codeTerms(expiresMinutes),
        happened({ ...circumstances, country: null }),
        {
          says: '如果不是您本人，请勿在任何地方输入或转发此验证码：任何持有它的人都能以您的身份登录。不使用它，就不会发生任何事。',
        },
      ],
    }),
  },
};

/** Tells whoever proved the mailbox of an account that what it had before is gone. */
export const accountClaimed: Mail<EmailSignInMailDeps, { hadPassword: boolean; signInUrl: string }> = {
  on: ['user.claimed'],
  name: 'mail',
  async letter({ event, owner }, { config }) {
    const user = await owner();
    const { hasPassword = false } = (event.data.before ?? {}) as { hasPassword?: boolean };
    const values = { hadPassword: hasPassword, signInUrl: config.pagesUrl };
    return user && { to: user.email, locale: user.locale, values };
  },
  texts: {
    en: ({ hadPassword, signInUrl }, { hello }) => ({
      subject: 'Your e-mail address is confirmed',
      blocks: [
        hello(),
        {
          says: 'You have signed in by mail. Until now nobody had shown that the e-mail address of this account is theirs, so everything that could have been set up by somebody else has ended: sessions, keys, passkeys and other factors.',
        },
        ...(hadPassword
          ? [
              {
                says: 'The password that the account had does not work any more. You can go on signing in by mail, or ask for a password reset on the sign-in page: the link that we then mail to you sets a new one.',
              },
              { link: signInUrl, label: 'Go to the sign-in page' },
            ]
          : []),
      ],
    }),
    zh: ({ hadPassword, signInUrl }, { hello }) => ({
      subject: '您的邮箱地址已确认',
      blocks: [
        hello(),
        {
          says: '您已通过邮件登录。此前没有人证明过该账号的邮箱地址归其所有，因此可能由他人设置的一切都已失效：会话、密钥、通行密钥及其他验证方式。',
        },
        ...(hadPassword
          ? [
              {
                says: '该账号原有的密码已不再有效。您可以继续通过邮件登录，或在登录页面申请重置密码：我们随后发送的链接可用于设置新密码。',
              },
              { link: signInUrl, label: '前往登录页面' },
            ]
          : []),
      ],
    }),
  },
};
