import { type Block, composeMail, type MailText, oneLine } from './mail-layout.ts';

export type { MailText } from './mail-layout.ts';

/** Where and with what something was done. `device` is a phrase for people ("Firefox on Linux"), chosen by the client. */
export interface Circumstances {
  at: Date;
  ip: string;
  device: string | null;
}

/** Code points of a name in a greeting. */
const NAME_LIMIT = 40;
/** Letters, and dots only as in "J. R.": mails reach people who never asked for one, so a name must hold no link and no sentence marks. */
const NAME = /^\p{L}(?:[\p{L}\p{M}'’ -]|\.(?= |$))*$/u;

const NOT_YOU_CODE = 'If you did not ask for this, you need not do anything: without the code nothing happens.';
const NOT_YOU_PASSWORD = 'If this was not you, reset your password now. That ends every session.';

/** Confirms an address at its registration. */
export function verificationCode({
  code,
  expiresMinutes,
  name,
}: {
  code: string;
  expiresMinutes: number;
  name?: string | null;
}): MailText {
  return composeMail('Your verification code', [
    { says: greeting(name) },
    { says: 'enter this code to confirm your e-mail address:' },
    { code },
    { says: `It is valid for ${minutes(expiresMinutes)} and can be used once. We never ask for it by phone or mail.` },
    { says: NOT_YOU_CODE },
  ]);
}

/** Answers a registration with an address that has an account; the page told whoever asked nothing of that. */
export function addressKnown({ signInUrl }: { signInUrl?: string | null } = {}): MailText {
  return composeMail('You already have an account', [
    { says: 'Hello,' },
    {
      says: 'somebody, probably you, tried to register with this e-mail address. It has an account already, so no new one was made.',
    },
    {
      says: 'Sign in with the password that you have. If you have forgotten it, ask for a new one on the sign-in page.',
    },
    ...(signInUrl ? [{ link: signInUrl, label: 'Go to the sign-in page' }] : []),
    { says: 'If it was not you, you need not do anything: your account is as it was.' },
  ]);
}

/** Sent once, when the account exists. `url` is where the person finds the service. */
export function welcome({ name, url }: { name?: string | null; url?: string | null } = {}): MailText {
  return composeMail('Welcome', [
    { says: greeting(name) },
    { says: 'your e-mail address is confirmed and your account is ready. It is good to have you here.' },
    ...(url ? [{ link: url, label: 'Go to the service' }] : []),
    {
      says: 'We will write to this address when something about your account changes, such as its password, or a sign-in from a new device.',
    },
  ]);
}

/** `url` carries the token in its fragment. */
export function resetLink({ url, expiresMinutes }: { url: string; expiresMinutes?: number }): MailText {
  const validity = expiresMinutes === undefined ? '' : ` is valid for ${minutes(expiresMinutes)} and`;
  return composeMail('Reset your password', [
    { says: 'Hello,' },
    { says: 'somebody, probably you, asked for a new password for your account. Choose it here:' },
    { link: url, label: 'Choose a new password' },
    { says: `The link${validity} works once. Do not pass it on: whoever has it can take over the account.` },
    { says: 'If you did not ask for this, you need not do anything: your password stays as it is.' },
  ]);
}

/** Somebody made an account for this address; `url` carries the token in its fragment. */
export function invitation({
  url,
  expiresDays,
  name,
}: {
  url: string;
  expiresDays: number;
  name?: string | null;
}): MailText {
  return composeMail('You are invited', [
    { says: greeting(name) },
    { says: 'an account was made for you with this e-mail address. Choose a password to begin:' },
    { link: url, label: 'Accept the invitation' },
    {
      says: `The link is valid for ${expiresDays} days and works once. Do not pass it on: whoever has it has the account.`,
    },
    {
      says: 'If you do not know what this is about, you need not do anything: nobody can sign in before the link is used.',
    },
  ]);
}

/** Confirms the address that an account is to move to; goes to the new address. */
export function emailChangeCode({ code, expiresMinutes }: { code: string; expiresMinutes: number }): MailText {
  return composeMail('Confirm your new e-mail address', [
    { says: 'Hello,' },
    { says: 'enter this code to use this e-mail address for your account from now on:' },
    { code },
    { says: `It is valid for ${minutes(expiresMinutes)} and can be used once. We never ask for it by phone or mail.` },
    { says: NOT_YOU_CODE },
  ]);
}

/** Somebody wanted to move their account to this address, which has one; the page told them nothing of that. */
export function emailChangeTaken(): MailText {
  return composeMail('This e-mail address already has an account', [
    { says: 'Hello,' },
    {
      says: 'somebody, perhaps you, tried to use this e-mail address for another account. It belongs to yours, so nothing was changed.',
    },
    {
      says: 'If it was you, sign in with this address, or choose another one for the other account. Otherwise you need not do anything.',
    },
  ]);
}

/** Goes to the OLD address; the new one is shown in part only, for whoever reads the old mailbox may be somebody else by now. */
export function emailChanged({ at, newEmail }: { at: Date; newEmail: string }): MailText {
  return composeMail('Your e-mail address was changed', [
    { says: 'Hello,' },
    { says: 'your account uses another e-mail address from now on. This is the last mail to the old one.' },
    {
      facts: [
        ['New address', maskEmail(newEmail)],
        ['Time', time(at)],
      ],
    },
    { says: 'If this was not you, somebody else is in your account: contact the people who run this service at once.' },
  ]);
}

export function passwordChanged(circumstances: Circumstances): MailText {
  return composeMail('Your password was changed', [
    { says: 'Hello,' },
    { says: 'the password of your account was changed.' },
    happened(circumstances),
    { says: 'If this was you, all is well. If not, reset your password now: that ends every session.' },
  ]);
}

/** `country` is an ISO 3166-1 code, as the address tells it. */
export function newDevice({ country, ...circumstances }: Circumstances & { country: string | null }): MailText {
  return composeMail('A new sign-in to your account', [
    { says: 'Hello,' },
    { says: 'somebody signed in to your account from a device or network that we have not seen with it before.' },
    happened(circumstances, country),
    { says: `If this was you, all is well. ${NOT_YOU_PASSWORD}` },
  ]);
}

/** A refresh token came a second time, so somebody has a copy: the session that it belonged to was ended. */
export function sessionKilled(circumstances: Circumstances): MailText {
  return composeMail('We ended one of your sessions', [
    { says: 'Hello,' },
    {
      says: 'a secret of one of your sessions was used twice, which can mean that somebody copied it. To be safe we have ended that session.',
    },
    happened(circumstances),
    {
      says: 'Sign in again on that device. If you see a session that you do not know, end it and change your password.',
    },
  ]);
}

export function accountDeleted({ restorableUntil }: { restorableUntil: Date }): MailText {
  return composeMail('Your account was deleted', [
    { says: 'Hello,' },
    { says: 'your account was deleted and you are signed out everywhere.' },
    {
      says: `Until ${day(restorableUntil)} the people who run this service can restore it. After that it is erased for good.`,
    },
    { says: 'If this was not you, contact them before that day.' },
  ]);
}

function greeting(name: string | null | undefined): string {
  const line = oneLine(name ?? '');
  return NAME.test(line) && Array.from(line).length <= NAME_LIMIT ? `Hello ${line},` : 'Hello,';
}

function minutes(count: number): string {
  return count === 1 ? '1 minute' : `${count} minutes`;
}

function happened({ at, ip, device }: Circumstances, country: string | null = null): Block {
  const where = country === null ? [] : [['Country', countryName(country)] as const];
  return { facts: [['Time', time(at)], ['Device', device || 'unknown'], ['IP address', ip], ...where] };
}

function createFormats() {
  return {
    time: new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' }),
    day: new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' }),
    countries: new Intl.DisplayNames('en', { type: 'region' }),
  };
}

let formats: ReturnType<typeof createFormats> | undefined;

/** Made for the first mail: their data would cost the start 7 MB and 50 ms. */
function format() {
  formats ??= createFormats();
  return formats;
}

const time = (at: Date): string => `${format().time.format(at)} UTC`;
const day = (at: Date): string => format().day.format(at);

function countryName(code: string): string {
  return /^[A-Z]{2}$/.test(code) ? (format().countries.of(code) ?? code) : code;
}

/** `ann@example.com` becomes `a***@e***.com`. */
function maskEmail(email: string): string {
  const at = email.lastIndexOf('@');
  const first = (text: string) => Array.from(text)[0] ?? '';
  const domain = email.slice(at + 1);
  const top = domain.includes('.') ? domain.slice(domain.lastIndexOf('.')) : '';
  return `${first(email.slice(0, Math.max(at, 0)))}***@${first(domain)}***${top}`;
}
