import type { Mail, Occasion } from '../mails/mail.ts';
import type { Circumstances } from '../mails/phrases.ts';
import type { UserStore } from '../users/user-store.ts';
import type { FactorStore } from './factor-store.ts';
import { factorsOf } from './names.ts';

export interface FactorMailDeps {
  store: FactorStore;
  userStore: UserStore;
}

/** Recovery codes left at which their owner is reminded to make new ones. */
const FEW_LEFT = 2;

async function toOwner({ owner, circumstances }: Occasion) {
  const user = await owner();
  return user && { to: user.email, locale: user.locale, values: circumstances };
}

/** Mailed after an authenticator app was added. */
export const totpAdded: Mail<FactorMailDeps, Circumstances> = {
  on: ['factors.totp_added'],
  name: 'mail',
  letter: toOwner,
  texts: {
    en: (circumstances, { hello, happened }) => ({
      subject: 'An authenticator app was added to your account',
      blocks: [
        hello(),
        { says: 'from now on, signing in to your account also asks for a code of this app.' },
        happened(circumstances),
        {
          says: 'If this was not you, somebody else can use your account: reset your password now, and contact the people who run this service.',
        },
      ],
    }),
    zh: (circumstances, { hello, happened }) => ({
      subject: '您的账号已添加身份验证器应用',
      blocks: [
        hello(),
        { says: '今后登录您的账号时，还需要输入此应用中的验证码。' },
        happened(circumstances),
        { says: '如果不是您本人，则说明他人已能使用您的账号：请立即重置密码，并联系本服务的运营者。' },
      ],
    }),
  },
};

/** Mailed after an authenticator app was removed. */
export const totpRemoved: Mail<FactorMailDeps, Circumstances & { last: boolean }> = {
  on: ['factors.totp_removed'],
  name: 'mail',
  async letter(occasion) {
    const letter = await toOwner(occasion);
    return letter && { ...letter, values: { ...letter.values, last: occasion.event.data.last === true } };
  },
  texts: {
    en: ({ last, ...circumstances }, { hello, happened }) => ({
      subject: 'An authenticator app was removed from your account',
      blocks: [
        hello(),
        {
          says: last
            ? 'your account has no second factor any more: the password alone signs in.'
            : 'its codes no longer sign in to your account.',
        },
        happened(circumstances),
        {
          says: 'If this was not you, somebody else can use your account: reset your password now, and contact the people who run this service.',
        },
      ],
    }),
    zh: ({ last, ...circumstances }, { hello, happened }) => ({
      subject: '您的账号已移除身份验证器应用',
      blocks: [
        hello(),
        { says: last ? '您的账号不再有第二验证因素：仅凭密码即可登录。' : '此应用的验证码不能再用于登录您的账号。' },
        happened(circumstances),
        { says: '如果不是您本人，则说明他人已能使用您的账号：请立即重置密码，并联系本服务的运营者。' },
      ],
    }),
  },
};

/** Mailed after new recovery codes were made. */
export const recoveryCodesMade: Mail<FactorMailDeps, Circumstances> = {
  on: ['factors.recovery_codes_made'],
  name: 'mail',
  letter: toOwner,
  texts: {
    en: (circumstances, { hello, happened }) => ({
      subject: 'You have new recovery codes',
      blocks: [
        hello(),
        { says: 'new recovery codes were made for your account. The former ones no longer work.' },
        happened(circumstances),
        { says: 'If this was not you, somebody else can use your account: reset your password now.' },
      ],
    }),
    zh: (circumstances, { hello, happened }) => ({
      subject: '您有了新的恢复代码',
      blocks: [
        hello(),
        { says: '您的账号已生成新的恢复代码，之前的代码不再有效。' },
        happened(circumstances),
        { says: '如果不是您本人，则说明他人已能使用您的账号：请立即重置密码。' },
      ],
    }),
  },
};

/** A reminder, mailed after the eighth of ten recovery codes was used; not if there are new ones meanwhile. */
export const recoveryCodesLow: Mail<FactorMailDeps, Circumstances & { left: number }> = {
  on: ['factors.recovery_code_used'],
  name: 'mail',
  when: ({ data }) => data.left === FEW_LEFT,
  async letter(occasion, { store }) {
    const user = await occasion.owner();
    if (!user) return null;
    const left = factorsOf(user, await store.find(user.id)).recovery?.hashes.length ?? FEW_LEFT + 1;
    if (left > FEW_LEFT) return null;
    return { to: user.email, locale: user.locale, values: { ...occasion.circumstances, left } };
  },
  texts: {
    en: ({ left, ...circumstances }, { hello, happened }) => ({
      subject: 'You have few recovery codes left',
      blocks: [
        hello(),
        { says: `a recovery code was used to sign in to your account. Codes left: ${left}.` },
        happened(circumstances),
        { says: 'Make new ones in time, and keep them where you find them without your phone.' },
        { says: 'If this was not you, somebody else has your codes and your password: reset the password now.' },
      ],
    }),
    zh: ({ left, ...circumstances }, { hello, happened }) => ({
      subject: '您的恢复代码所剩无几',
      blocks: [
        hello(),
        { says: `您的账号刚使用了一个恢复代码登录。剩余代码：${left} 个。` },
        happened(circumstances),
        { says: '请及时生成新的代码，并保存在没有手机也能找到的地方。' },
        { says: '如果不是您本人，则说明他人拥有您的代码和密码：请立即重置密码。' },
      ],
    }),
  },
};

/** Mailed when somebody gave the right password and then wrong second factors: at most once a day. */
export const secondFactorGuessed: Mail<FactorMailDeps, Circumstances> = {
  on: ['user.second_factor_failed'],
  name: 'mail',
  letter: toOwner,
  texts: {
    en: (circumstances, { hello, happened }) => ({
      subject: 'Somebody knows your password',
      blocks: [
        hello(),
        {
          says: 'somebody gave the right password of your account, and then several wrong codes. They did not get in: your second factor kept them out.',
        },
        happened(circumstances),
        { says: 'If this was not you, change your password now, also wherever else you use it.' },
      ],
    }),
    zh: (circumstances, { hello, happened }) => ({
      subject: '有人知道您的密码',
      blocks: [
        hello(),
        { says: '有人输入了您账号的正确密码，随后多次输入错误的验证码。对方未能登录：您的第二验证因素阻止了他。' },
        happened(circumstances),
        { says: '如果不是您本人，请立即更改密码，并更改其他使用相同密码的账号。' },
      ],
    }),
  },
};
