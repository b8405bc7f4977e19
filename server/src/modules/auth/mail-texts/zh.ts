import type { Block } from '../mail-layout.ts';
import type { Facts, MailTexts } from './mail-texts.ts';

const HELLO = '您好，';
const NOT_YOU_CODE = '如果这不是您本人的操作，请忽略本邮件：没有验证码，任何更改都不会发生。';
const NOT_YOU_PASSWORD = '如果不是您本人，请立即重置密码，所有会话都会随之结束。';

const validCode = (minutes: number) => ({
  says: `验证码在 ${minutes} 分钟内有效，且只能使用一次。我们绝不会通过电话或邮件向您索要验证码。`,
});

function happened({ time, device, ip, country }: Facts): Block {
  return {
    facts: [
      ['时间', time],
      ['设备', device ?? '未知'],
      ['IP 地址', ip ?? '未知'],
      ...(country === null ? [] : [['国家或地区', country] as const]),
    ],
  };
}

/** Simplified Chinese. */
export const zh: MailTexts = {
  language: 'zh-CN',
  colon: '：',
  greeting: (name) => (name === null ? HELLO : `${name}，您好：`),

  verificationCode: ({ code, minutes, hello }) => ({
    subject: '您的验证码',
    blocks: [
      { says: hello },
      { says: '请输入以下验证码，以确认您的邮箱地址：' },
      { code },
      validCode(minutes),
      { says: NOT_YOU_CODE },
    ],
  }),

  addressKnown: ({ signInUrl }) => ({
    subject: '您已有账号',
    blocks: [
      { says: HELLO },
      { says: '有人（很可能是您本人）尝试用此邮箱地址注册。该地址已有账号，因此没有创建新的账号。' },
      { says: '请用现有的密码登录。如果忘记了密码，可以在登录页面申请重置。' },
      ...(signInUrl === null ? [] : [{ link: signInUrl, label: '前往登录页面' }]),
      { says: '如果不是您本人，则无需任何操作：您的账号没有任何变化。' },
    ],
  }),

  welcome: ({ url, hello }) => ({
    subject: '欢迎加入',
    blocks: [
      { says: hello },
      { says: '您的邮箱地址已确认，账号已可使用。欢迎您的到来！' },
      ...(url === null ? [] : [{ link: url, label: '前往服务' }]),
      { says: '当您的账号发生变化时，例如更改密码或从新设备登录，我们会向此地址发送邮件。' },
    ],
  }),

  resetLink: ({ url, minutes }) => ({
    subject: '重置您的密码',
    blocks: [
      { says: HELLO },
      { says: '有人（很可能是您本人）申请为您的账号设置新密码。请在此设置：' },
      { link: url, label: '设置新密码' },
      {
        says: `此链接${minutes === null ? '' : `在 ${minutes} 分钟内有效，且`}只能使用一次。请勿转发：任何持有此链接的人都能接管您的账号。`,
      },
      { says: '如果您没有提出此申请，则无需任何操作：您的密码不会改变。' },
    ],
  }),

  invitation: ({ url, days, hello }) => ({
    subject: '邀请您加入',
    blocks: [
      { says: hello },
      { says: '我们已用此邮箱地址为您创建了账号。请设置密码以开始使用：' },
      { link: url, label: '接受邀请' },
      { says: `此链接在 ${days} 天内有效，且只能使用一次。请勿转发：任何持有此链接的人都能得到该账号。` },
      { says: '如果您不清楚这是什么，则无需任何操作：在链接被使用之前，没有人能够登录。' },
    ],
  }),

  emailChangeCode: ({ code, minutes }) => ({
    subject: '请确认您的新邮箱地址',
    blocks: [
      { says: HELLO },
      { says: '请输入以下验证码，今后您的账号将使用此邮箱地址：' },
      { code },
      validCode(minutes),
      { says: NOT_YOU_CODE },
    ],
  }),

  emailChangeTaken: () => ({
    subject: '此邮箱地址已有账号',
    blocks: [
      { says: HELLO },
      { says: '有人（也许是您本人）尝试将此邮箱地址用于另一个账号。该地址属于您现有的账号，因此没有任何更改。' },
      { says: '如果是您本人，请用此地址登录，或为另一个账号选择其他地址。否则无需任何操作。' },
    ],
  }),

  emailChanged: ({ address, time }) => ({
    subject: '您的邮箱地址已更改',
    blocks: [
      { says: HELLO },
      { says: '您的账号今后将使用另一个邮箱地址。这是发往旧地址的最后一封邮件。' },
      {
        facts: [
          ['新地址', address],
          ['时间', time],
        ],
      },
      { says: '如果不是您本人，则说明他人已能使用您的账号，请立即联系本服务的运营者。' },
    ],
  }),

  emailChangedNew: (facts) => ({
    subject: '这是您的新邮箱地址',
    blocks: [
      { says: HELLO },
      { says: '您的账号今后将使用此邮箱地址。请用它登录，我们的邮件也会发送到这里。' },
      happened(facts),
      { says: '我们也已通知旧地址。如果您对此账号一无所知，请联系本服务的运营者。' },
    ],
  }),

  passwordChanged: (facts) => ({
    subject: '您的密码已更改',
    blocks: [
      { says: HELLO },
      { says: '您账号的密码已被更改。' },
      happened(facts),
      { says: '如果是您本人，则一切正常。如果不是，请立即重置密码，所有会话都会随之结束。' },
    ],
  }),

  newDevice: (facts) => ({
    subject: '您的账号有新的登录',
    blocks: [
      { says: HELLO },
      { says: '有人从我们未曾见过的设备或网络登录了您的账号。' },
      happened(facts),
      { says: `如果是您本人，则一切正常。${NOT_YOU_PASSWORD}` },
    ],
  }),

  signInBlocked: (facts) => ({
    subject: '有人正在尝试登录您的账号',
    blocks: [
      { says: HELLO },
      {
        says: '短时间内有许多来自同一处的登录您账号的尝试。我们会暂时限制来自该处的登录；在其他地方，您的密码仍可照常使用。',
      },
      happened(facts),
      {
        says: '如果是您本人，请稍后再试，或重置密码。如果不是，请查看您的会话；若您在别处也使用同一密码，请更换新密码。无论此后还有多少次尝试，我们每天只通知一次。',
      },
    ],
  }),

  sessionKilled: (facts) => ({
    subject: '我们结束了您的一个会话',
    blocks: [
      { says: HELLO },
      { says: '您某个会话的凭据被使用了两次，这可能意味着有人复制了它。为安全起见，我们已结束该会话。' },
      happened(facts),
      { says: '请在该设备上重新登录。如果您看到不认识的会话，请结束它并更改密码。' },
    ],
  }),

  accountDeleted: ({ day }) => ({
    subject: '您的账号已删除',
    blocks: [
      { says: HELLO },
      { says: '您的账号已被删除，您已在所有设备上退出登录。' },
      { says: `在 ${day} 之前，本服务的运营者可以恢复它。此后它将被彻底清除。` },
      { says: '如果不是您本人的操作，请在该日期之前联系他们。' },
    ],
  }),
};
