import type { Mail } from '../mails/mail.ts';
import type { Circumstances } from '../mails/phrases.ts';

/** Mailed after a sign-in from a new device or network. */
export const newDevice: Mail<unknown, Circumstances> = {
  on: ['session.started'],
  name: 'mail',
  when: (event) => event.data.newDevice === true,
  async letter({ owner, circumstances }) {
    const user = await owner();
    return user && { to: user.email, locale: user.locale, values: circumstances };
  },
  texts: {
    en: (circumstances, { hello, happened }) => ({
      subject: 'A new sign-in to your account',
      blocks: [
        hello(),
        { says: 'Somebody signed in to your account from a device or network that we have not seen with it before.' },
        happened(circumstances),
        {
          says: 'If this was you, you can ignore this mail. If not, reset your password now; that ends all your sessions.',
        },
      ],
    }),
    zh: (circumstances, { hello, happened }) => ({
      subject: '您的账号有新的登录',
      blocks: [
        hello(),
        { says: '有人从我们未曾见过的设备或网络登录了您的账号。' },
        happened(circumstances),
        { says: '如果是您本人，则一切正常。如果不是您本人，请立即重置密码，所有会话都会随之结束。' },
      ],
    }),
  },
};

/** Mailed after a refresh token was used twice, so that somebody has a copy: its session was ended. */
export const sessionKilled: Mail<unknown, Circumstances> = {
  on: ['session.reuse_detected'],
  name: 'mail',
  async letter({ owner, circumstances }) {
    const user = await owner();
    return user && { to: user.email, locale: user.locale, values: circumstances };
  },
  texts: {
    en: (circumstances, { hello, happened }) => ({
      subject: 'We ended one of your sessions',
      blocks: [
        hello(),
        {
          says: 'A secret of one of your sessions was used twice. Somebody may have copied it, so we have ended that session.',
        },
        happened({ ...circumstances, country: null }),
        {
          says: 'Sign in again on that device. If your list of sessions shows one that you do not know, end it and change your password.',
        },
      ],
    }),
    zh: (circumstances, { hello, happened }) => ({
      subject: '我们结束了您的一个会话',
      blocks: [
        hello(),
        { says: '您某个会话的凭据被使用了两次，这可能意味着有人复制了它。为安全起见，我们已结束该会话。' },
        happened({ ...circumstances, country: null }),
        { says: '请在该设备上重新登录。如果您看到不认识的会话，请结束它并更改密码。' },
      ],
    }),
  },
};
