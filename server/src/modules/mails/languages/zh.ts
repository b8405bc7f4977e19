import type { Language } from './language.ts';

/** Simplified Chinese. */
export const zh: Language = {
  tag: 'zh-CN',
  colon: '：',
  greeting: (name) => (name === null ? '您好，' : `${name}，您好：`),
  minutes: (count) => `${count} 分钟`,
  codeTerms: (minutes) => `验证码在 ${minutes} 分钟内有效，且只能使用一次。我们绝不会通过电话或邮件向您索要验证码。`,
  codeInstead: (page) => `如果链接未能打开表单，请访问 ${page} ，在那里输入您的邮箱地址和此代码：`,
  codeUnasked: '如果这不是您本人的操作，请忽略本邮件：没有验证码，任何更改都不会发生。',
  facts: { time: '时间', device: '设备', ip: 'IP 地址', country: '国家或地区', unknown: '未知' },
};
