import type { Mail, Occasion } from '../mails/mail.ts';
import type { Circumstances } from '../mails/phrases.ts';

type Named = Circumstances & { name: string };

async function toOwner({ event, owner, circumstances }: Occasion) {
  const user = await owner();
  const name = typeof event.data.name === 'string' ? event.data.name : '';
  return user && { to: user.email, locale: user.locale, values: { ...circumstances, name } };
}

/** Mailed after a passkey was added, also by the browser itself. */
export const passkeyAdded: Mail<null, Named> = {
  on: ['factors.passkey_added'],
  name: 'mail',
  letter: toOwner,
  texts: {
    en: ({ name, ...circumstances }, { hello, happened }) => ({
      subject: 'A passkey was added to your account',
      blocks: [
        hello(),
        { says: 'from now on, this passkey signs in to your account:' },
        { facts: [['Passkey', name]] },
        happened(circumstances),
        {
          says: 'If this was not you, somebody else can use your account: remove the passkey, reset your password now, and contact the people who run this service.',
        },
      ],
    }),
    zh: ({ name, ...circumstances }, { hello, happened }) => ({
      subject: '您的账号已添加通行密钥',
      blocks: [
        hello(),
        { says: '今后可以使用以下通行密钥登录您的账号：' },
        { facts: [['通行密钥', name]] },
        happened(circumstances),
        {
          says: '如果不是您本人，则说明他人已能使用您的账号：请移除该通行密钥，立即重置密码，并联系本服务的运营者。',
        },
      ],
    }),
  },
};

/** Mailed after a passkey was removed, by its owner or an administrator. */
export const passkeyRemoved: Mail<null, Named> = {
  on: ['factors.passkey_removed'],
  name: 'mail',
  letter: toOwner,
  texts: {
    en: ({ name, ...circumstances }, { hello, happened }) => ({
      subject: 'A passkey was removed from your account',
      blocks: [
        hello(),
        { says: 'this passkey no longer signs in to your account:' },
        { facts: [['Passkey', name]] },
        happened(circumstances),
        { says: 'If this was not you, reset your password now, and contact the people who run this service.' },
      ],
    }),
    zh: ({ name, ...circumstances }, { hello, happened }) => ({
      subject: '您的账号已移除通行密钥',
      blocks: [
        hello(),
        { says: '以下通行密钥不能再用于登录您的账号：' },
        { facts: [['通行密钥', name]] },
        happened(circumstances),
        { says: '如果不是您本人，请立即重置密码，并联系本服务的运营者。' },
      ],
    }),
  },
};

/** Mailed after a passkey was refused because its counter fell. */
export const passkeySuspected: Mail<null, Named> = {
  on: ['passkey.suspected'],
  name: 'mail',
  letter: toOwner,
  texts: {
    en: ({ name, ...circumstances }, { hello, happened }) => ({
      subject: 'We refused one of your passkeys',
      blocks: [
        hello(),
        { says: 'this passkey was used in a way that happens when somebody has a copy of it. We did not let it in:' },
        { facts: [['Passkey', name]] },
        happened(circumstances),
        { says: 'If it happens again, remove this passkey from your account and add a new one.' },
      ],
    }),
    zh: ({ name, ...circumstances }, { hello, happened }) => ({
      subject: '我们拒绝了您的一个通行密钥',
      blocks: [
        hello(),
        { says: '以下通行密钥的使用方式表明，可能有人复制了它。我们没有让其登录：' },
        { facts: [['通行密钥', name]] },
        happened(circumstances),
        { says: '如果再次发生，请从您的账号中移除此通行密钥，并添加新的通行密钥。' },
      ],
    }),
  },
};
