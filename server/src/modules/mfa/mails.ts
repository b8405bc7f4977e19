import type { Mail } from '../mails/mail.ts';
import type { Circumstances } from '../mails/phrases.ts';
import type { FactorResets } from './resets.ts';

export interface MfaMailDeps {
  resets: Pick<FactorResets, 'stopToken'>;
  publicUrl: string;
}

interface Waiting {
  until: Date;
  url: string;
  byOwner: boolean;
}

/** Mailed when a reset of the second factors begins to wait. */
export const resetWaits: Mail<MfaMailDeps, Waiting> = {
  on: ['factors.reset_requested'],
  name: 'mail',
  async letter({ event, owner }, { resets, publicUrl }) {
    const user = await owner();
    const waiting = user && (await resets.stopToken(user));
    if (!user || !waiting) return null;
    const url = `${publicUrl}/stop-factor-reset#token=${waiting.token}`;
    const values = { until: waiting.resetAt, url, byOwner: event.data.by === 'owner' };
    return { to: user.email, locale: user.locale, values };
  },
  texts: {
    en: ({ until, url, byOwner }, { hello, time }) => ({
      subject: 'Your second factors will be removed',
      blocks: [
        hello(),
        {
          says: byOwner
            ? 'somebody who knows your password asked to remove the second factors of your account, because they were lost.'
            : 'an administrator of this service asked to remove the second factors of your account, because they were lost.',
        },
        { facts: [['Takes effect', time(until)]] },
        {
          says: byOwner
            ? 'If this was you, wait until then and sign in with your password. If not, stop it here before that time, and change your password:'
            : 'If you know of this, you do not need to do anything. Otherwise stop it here before that time:',
        },
        { link: url, label: 'Keep my second factors' },
        { says: 'A sign-in with a second factor stops it, too.' },
      ],
    }),
    zh: ({ until, url, byOwner }, { hello, time }) => ({
      subject: '您的第二验证因素将被移除',
      blocks: [
        hello(),
        {
          says: byOwner
            ? '有人使用您的密码，以丢失为由申请移除您账号的第二验证因素。'
            : '本服务的管理员以丢失为由，申请移除您账号的第二验证因素。',
        },
        { facts: [['生效时间', time(until)]] },
        {
          says: byOwner
            ? '如果是您本人，请等到该时间后使用密码登录。如果不是，请在此之前阻止，并更改密码：'
            : '如果您知晓此事，则无需任何操作。否则请在此之前阻止：',
        },
        { link: url, label: '保留我的第二验证因素' },
        { says: '使用第二验证因素登录也会阻止此操作。' },
      ],
    }),
  },
};

/** Mailed when the second factors are gone. */
export const factorsReset: Mail<MfaMailDeps, Circumstances> = {
  on: ['factors.reset'],
  name: 'mail',
  async letter({ owner, circumstances }) {
    const user = await owner();
    return user && { to: user.email, locale: user.locale, values: circumstances };
  },
  texts: {
    en: ({ at }, { hello, time }) => ({
      subject: 'Your second factors were removed',
      blocks: [
        hello(),
        { says: 'all second factors of your account were removed, and all your sessions have ended.' },
        { facts: [['Time', time(at)]] },
        {
          says: 'Sign in with your password and set up a new second factor. If you did not expect this, change your password at once.',
        },
      ],
    }),
    zh: ({ at }, { hello, time }) => ({
      subject: '您的第二验证因素已被移除',
      blocks: [
        hello(),
        { says: '您账号的所有第二验证因素已被移除，所有会话均已结束。' },
        { facts: [['时间', time(at)]] },
        { says: '请使用密码登录并设置新的第二验证因素。如果这不在您的预料之中，请立即更改密码。' },
      ],
    }),
  },
};

/** Mailed when a reset was stopped. */
export const resetStopped: Mail<MfaMailDeps, Circumstances> = {
  on: ['factors.reset_cancelled'],
  name: 'mail',
  async letter({ owner, circumstances }) {
    const user = await owner();
    return user && { to: user.email, locale: user.locale, values: circumstances };
  },
  texts: {
    en: (_circumstances, { hello }) => ({
      subject: 'Your second factors stay',
      blocks: [
        hello(),
        { says: 'the removal of the second factors of your account was stopped. They stay as they are.' },
        { says: 'If you did not ask for the removal, somebody may know your password: change it.' },
      ],
    }),
    zh: (_circumstances, { hello }) => ({
      subject: '您的第二验证因素保持不变',
      blocks: [
        hello(),
        { says: '移除您账号第二验证因素的操作已被阻止，第二验证因素保持不变。' },
        { says: '如果您并未申请移除，可能有人知道您的密码：请更改密码。' },
      ],
    }),
  },
};

/** Mailed to who may not reset their factors themselves. */
export const recoveryRefused: Mail<MfaMailDeps, null> = {
  on: ['factors.recovery_refused'],
  name: 'mail',
  async letter({ owner }) {
    const user = await owner();
    return user && { to: user.email, locale: user.locale, values: null };
  },
  texts: {
    en: (_none, { hello }) => ({
      subject: 'Ask an administrator about your second factors',
      blocks: [
        hello(),
        { says: 'somebody who knows your password asked to remove the second factors of your account.' },
        {
          says: 'For your account only an administrator may do that: if you have lost them, ask one. If this was not you, change your password.',
        },
      ],
    }),
    zh: (_none, { hello }) => ({
      subject: '请联系管理员处理您的第二验证因素',
      blocks: [
        hello(),
        { says: '有人使用您的密码，申请移除您账号的第二验证因素。' },
        {
          says: '您的账号只能由管理员执行此操作：如果您已丢失第二验证因素，请联系管理员。如果不是您本人，请更改密码。',
        },
      ],
    }),
  },
};

/** Mailed after a lock-down. */
export const lockedDown: Mail<MfaMailDeps, Circumstances> = {
  on: ['user.locked_down'],
  name: 'mail',
  async letter({ owner, circumstances }) {
    const user = await owner();
    return user && { to: user.email, locale: user.locale, values: circumstances };
  },
  texts: {
    en: (circumstances, { hello, happened }) => ({
      subject: 'Your account was locked down',
      blocks: [
        hello(),
        { says: 'all sessions, API keys, grants of applications and trusted devices of your account have ended.' },
        happened(circumstances),
        { says: 'Sign in again, and change your password.' },
      ],
    }),
    zh: (circumstances, { hello, happened }) => ({
      subject: '您的账号已被锁定保护',
      blocks: [
        hello(),
        { says: '您账号的所有会话、API 密钥、应用授权和受信任设备均已失效。' },
        happened(circumstances),
        { says: '请重新登录，并更改密码。' },
      ],
    }),
  },
};
