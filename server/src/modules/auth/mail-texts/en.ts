import type { Block } from '../mail-layout.ts';
import type { Facts, MailTexts } from './mail-texts.ts';

const HELLO = 'Hello,';
const NOT_YOU_CODE = 'If you did not ask for this, you need not do anything: without the code nothing happens.';
const NOT_YOU_PASSWORD = 'If this was not you, reset your password now. That ends every session.';

const minutes = (count: number) => (count === 1 ? '1 minute' : `${count} minutes`);

const validCode = (count: number) => ({
  says: `It is valid for ${minutes(count)} and can be used once. We never ask for it by phone or mail.`,
});

function happened({ time, device, ip, country }: Facts): Block {
  return {
    facts: [
      ['Time', time],
      ['Device', device ?? 'unknown'],
      ['IP address', ip ?? 'unknown'],
      ...(country === null ? [] : [['Country', country] as const]),
    ],
  };
}

/** English. */
export const en: MailTexts = {
  language: 'en-GB',
  colon: ': ',
  greeting: (name) => (name === null ? HELLO : `Hello ${name},`),

  verificationCode: ({ code, minutes, hello }) => ({
    subject: 'Your verification code',
    blocks: [
      { says: hello },
      { says: 'enter this code to confirm your e-mail address:' },
      { code },
      validCode(minutes),
      { says: NOT_YOU_CODE },
    ],
  }),

  addressKnown: ({ signInUrl }) => ({
    subject: 'You already have an account',
    blocks: [
      { says: HELLO },
      {
        says: 'somebody, probably you, tried to register with this e-mail address. It has an account already, so no new one was made.',
      },
      {
        says: 'Sign in with the password that you have. If you have forgotten it, ask for a new one on the sign-in page.',
      },
      ...(signInUrl === null ? [] : [{ link: signInUrl, label: 'Go to the sign-in page' }]),
      { says: 'If it was not you, you need not do anything: your account is as it was.' },
    ],
  }),

  welcome: ({ url, hello }) => ({
    subject: 'Welcome',
    blocks: [
      { says: hello },
      { says: 'your e-mail address is confirmed and your account is ready. It is good to have you here.' },
      ...(url === null ? [] : [{ link: url, label: 'Go to the service' }]),
      {
        says: 'We will write to this address when something about your account changes, such as its password, or a sign-in from a new device.',
      },
    ],
  }),

  resetLink: ({ url, minutes: count }) => ({
    subject: 'Reset your password',
    blocks: [
      { says: HELLO },
      { says: 'somebody, probably you, asked for a new password for your account. Choose it here:' },
      { link: url, label: 'Choose a new password' },
      {
        says: `The link${count === null ? '' : ` is valid for ${minutes(count)} and`} works once. Do not pass it on: whoever has it can take over the account.`,
      },
      { says: 'If you did not ask for this, you need not do anything: your password stays as it is.' },
    ],
  }),

  invitation: ({ url, days, hello }) => ({
    subject: 'You are invited',
    blocks: [
      { says: hello },
      { says: 'an account was made for you with this e-mail address. Choose a password to begin:' },
      { link: url, label: 'Accept the invitation' },
      { says: `The link is valid for ${days} days and works once. Do not pass it on: whoever has it has the account.` },
      {
        says: 'If you do not know what this is about, you need not do anything: nobody can sign in before the link is used.',
      },
    ],
  }),

  emailChangeCode: ({ code, minutes }) => ({
    subject: 'Confirm your new e-mail address',
    blocks: [
      { says: HELLO },
      { says: 'enter this code to use this e-mail address for your account from now on:' },
      { code },
      validCode(minutes),
      { says: NOT_YOU_CODE },
    ],
  }),

  emailChangeTaken: () => ({
    subject: 'This e-mail address already has an account',
    blocks: [
      { says: HELLO },
      {
        says: 'somebody, perhaps you, tried to use this e-mail address for another account. It belongs to yours, so nothing was changed.',
      },
      {
        says: 'If it was you, sign in with this address, or choose another one for the other account. Otherwise you need not do anything.',
      },
    ],
  }),

  emailChanged: ({ address, time }) => ({
    subject: 'Your e-mail address was changed',
    blocks: [
      { says: HELLO },
      { says: 'your account uses another e-mail address from now on. This is the last mail to the old one.' },
      {
        facts: [
          ['New address', address],
          ['Time', time],
        ],
      },
      {
        says: 'If this was not you, somebody else is in your account: contact the people who run this service at once.',
      },
    ],
  }),

  emailChangedNew: (facts) => ({
    subject: 'This is your new e-mail address',
    blocks: [
      { says: HELLO },
      { says: 'your account uses this e-mail address from now on. Sign in with it, and expect our mails here.' },
      happened(facts),
      {
        says: 'We have told the old address of it, too. If you know nothing of such an account, write to the people who run this service.',
      },
    ],
  }),

  passwordChanged: (facts) => ({
    subject: 'Your password was changed',
    blocks: [
      { says: HELLO },
      { says: 'the password of your account was changed.' },
      happened(facts),
      { says: 'If this was you, all is well. If not, reset your password now: that ends every session.' },
    ],
  }),

  newDevice: (facts) => ({
    subject: 'A new sign-in to your account',
    blocks: [
      { says: HELLO },
      { says: 'somebody signed in to your account from a device or network that we have not seen with it before.' },
      happened(facts),
      { says: `If this was you, all is well. ${NOT_YOU_PASSWORD}` },
    ],
  }),

  signInBlocked: (facts) => ({
    subject: 'Somebody is trying to sign in to your account',
    blocks: [
      { says: HELLO },
      {
        says: 'there were many attempts to sign in to your account from one place within a short time. Further ones from there are held back for a while; elsewhere your password works as always.',
      },
      happened(facts),
      {
        says: 'If it was you, wait a little, or reset your password. If not, look at your sessions, and choose a new password if you use the present one elsewhere, too. However many attempts follow, we write of them once a day.',
      },
    ],
  }),

  sessionKilled: (facts) => ({
    subject: 'We ended one of your sessions',
    blocks: [
      { says: HELLO },
      {
        says: 'a secret of one of your sessions was used twice, which can mean that somebody copied it. To be safe we have ended that session.',
      },
      happened(facts),
      {
        says: 'Sign in again on that device. If you see a session that you do not know, end it and change your password.',
      },
    ],
  }),

  accountDeleted: ({ day }) => ({
    subject: 'Your account was deleted',
    blocks: [
      { says: HELLO },
      { says: 'your account was deleted and you are signed out everywhere.' },
      { says: `Until ${day} the people who run this service can restore it. After that it is erased for good.` },
      { says: 'If this was not you, contact them before that day.' },
    ],
  }),
};
