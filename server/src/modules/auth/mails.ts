import { composeMail, type MailText, oneLine } from './mail-layout.ts';
import { textsFor } from './mail-texts/languages.ts';
import type { Facts, MailTexts, Words } from './mail-texts/mail-texts.ts';

export type { MailText } from './mail-layout.ts';

/** Where and with what something was done. `device` is a phrase for people ("Firefox on Linux"), chosen by the client. */
export interface Circumstances {
  at: Date;
  /** Empty: unknown. */
  ip: string;
  device: string | null;
  /** An ISO 3166-1 code, as the address tells it. */
  country?: string | null;
}

/** Every mail that we write, in one language. */
export interface Mails {
  /** Confirms an address at its registration. */
  verificationCode(values: { code: string; expiresMinutes: number; name?: string | null }): MailText;
  /** Answers a registration with an address that has an account; the page told whoever asked nothing of that. */
  addressKnown(values?: { signInUrl?: string | null }): MailText;
  /** Sent once, when the account exists. `url` is where the person finds the service. */
  welcome(values?: { name?: string | null; url?: string | null }): MailText;
  /** `url` carries the token in its fragment. */
  resetLink(values: { url: string; expiresMinutes?: number }): MailText;
  /** Somebody made an account for this address; `url` carries the token in its fragment. */
  invitation(values: { url: string; expiresDays: number; name?: string | null }): MailText;
  /** Confirms the address that an account is to move to; goes to the new address. */
  emailChangeCode(values: { code: string; expiresMinutes: number }): MailText;
  /** Somebody wanted to move their account to this address, which has one; the page told them nothing of that. */
  emailChangeTaken(): MailText;
  /** Goes to the OLD address; the new one is shown in part only, for whoever reads the old mailbox may be somebody else by now. */
  emailChanged(values: { at: Date; newEmail: string }): MailText;
  /** Goes to the NEW address; of the old one it says nothing. */
  emailChangedNew(circumstances: Circumstances): MailText;
  passwordChanged(circumstances: Circumstances): MailText;
  newDevice(circumstances: Circumstances): MailText;
  /** Many wrong passwords came from one place, which has to wait now. */
  signInBlocked(circumstances: Circumstances): MailText;
  /** A refresh token came a second time, so somebody has a copy: the session that it belonged to was ended. */
  sessionKilled(circumstances: Circumstances): MailText;
  accountDeleted(values: { restorableUntil: Date }): MailText;
}

/** Code points of a name in a greeting. */
const NAME_LIMIT = 40;
/** Letters, and dots only as in "J. R.": mails reach people who never asked for one, so a name must hold no link and no sentence marks. */
const NAME = /^\p{L}(?:[\p{L}\p{M}'’ -]|\.(?= |$))*$/u;

const written = new Map<MailTexts, Mails>();

/** The mails in the language of a locale (BCP 47), or in English where we do not write it. */
export function mailsIn(locale: string | null): Mails {
  const texts = textsFor(locale);
  const mails = written.get(texts) ?? createMails(texts);
  written.set(texts, mails);
  return mails;
}

function createMails(texts: MailTexts): Mails {
  const formats = createFormats(texts.language);
  const compose = (words: Words) => composeMail(words, texts);
  const hello = (name: string | null | undefined) => texts.greeting(greetable(name));

  function facts({ at, ip, device, country = null }: Circumstances): Facts {
    const place = country === null ? null : formats.country(country);
    return { time: formats.time(at), device: device || null, ip: ip || null, country: place };
  }

  return {
    verificationCode: ({ code, expiresMinutes: minutes, name }) =>
      compose(texts.verificationCode({ code, minutes, hello: hello(name) })),
    addressKnown: ({ signInUrl } = {}) => compose(texts.addressKnown({ signInUrl: signInUrl || null })),
    welcome: ({ name, url } = {}) => compose(texts.welcome({ url: url || null, hello: hello(name) })),
    resetLink: ({ url, expiresMinutes: minutes = null }) => compose(texts.resetLink({ url, minutes })),
    invitation: ({ url, expiresDays: days, name }) => compose(texts.invitation({ url, days, hello: hello(name) })),
    emailChangeCode: ({ code, expiresMinutes: minutes }) => compose(texts.emailChangeCode({ code, minutes })),
    emailChangeTaken: () => compose(texts.emailChangeTaken()),
    emailChanged: ({ at, newEmail }) =>
      compose(texts.emailChanged({ address: maskEmail(newEmail), time: formats.time(at) })),
    emailChangedNew: (circumstances) => compose(texts.emailChangedNew(facts(circumstances))),
    passwordChanged: (circumstances) => compose(texts.passwordChanged(facts({ ...circumstances, country: null }))),
    newDevice: (circumstances) => compose(texts.newDevice(facts(circumstances))),
    signInBlocked: (circumstances) => compose(texts.signInBlocked(facts(circumstances))),
    sessionKilled: (circumstances) => compose(texts.sessionKilled(facts({ ...circumstances, country: null }))),
    accountDeleted: ({ restorableUntil }) => compose(texts.accountDeleted({ day: formats.day(restorableUntil) })),
  };
}

/** A name that may stand in a greeting, or null. */
function greetable(name: string | null | undefined): string | null {
  const line = oneLine(name ?? '');
  return NAME.test(line) && Array.from(line).length <= NAME_LIMIT ? line : null;
}

/** How one language writes times and countries. Made for its first mail: their data would cost the start 7 MB and 50 ms. */
function createFormats(language: string) {
  const moments = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });
  const days = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: 'UTC' });
  const countries = new Intl.DisplayNames(language, { type: 'region' });
  return {
    time: (at: Date) => `${moments.format(at)} UTC`,
    day: (at: Date) => days.format(at),
    country: (code: string) => (/^[A-Z]{2}$/.test(code) ? (countries.of(code) ?? code) : code),
  };
}

/** `ann@example.com` becomes `a***@e***.com`. */
function maskEmail(email: string): string {
  const at = email.lastIndexOf('@');
  const first = (text: string) => Array.from(text)[0] ?? '';
  const domain = email.slice(at + 1);
  const top = domain.includes('.') ? domain.slice(domain.lastIndexOf('.')) : '';
  return `${first(email.slice(0, Math.max(at, 0)))}***@${first(domain)}***${top}`;
}
