import type { Language } from './language.ts';

const minutes = (count: number) => (count === 1 ? '1 minute' : `${count} minutes`);

/** English. */
export const en: Language = {
  tag: 'en-GB',
  colon: ': ',
  greeting: (name) => (name === null ? 'Hello,' : `Hello ${name},`),
  minutes,
  codeTerms: (count) => `It is valid for ${minutes(count)} and can be used once. We never ask for it by phone or mail.`,
  codeUnasked: 'If you did not ask for this, you need not do anything: without the code nothing happens.',
  facts: { time: 'Time', device: 'Device', ip: 'IP address', country: 'Country', unknown: 'unknown' },
};
