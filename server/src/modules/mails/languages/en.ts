import type { Language } from './language.ts';

const minutes = (count: number) => (count === 1 ? '1 minute' : `${count} minutes`);

/** English. */
export const en: Language = {
  tag: 'en-GB',
  colon: ': ',
  greeting: (name) => (name === null ? 'Hello,' : `Hello ${name},`),
  minutes,
  codeTerms: (count) =>
    `The code is valid for ${minutes(count)} and can be used once. We never ask for it by phone or e-mail.`,
  codeInstead: (page) =>
    `If the link does not open a form, please go to ${page} and enter your e-mail address and this code there:`,
  codeUnasked: 'If you did not ask for this, you do not need to do anything: nothing changes without the code.',
  facts: { time: 'Time', device: 'Device', ip: 'IP address', country: 'Country', unknown: 'unknown' },
};
