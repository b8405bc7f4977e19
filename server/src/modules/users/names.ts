import { DAY } from '../../platform/clock.ts';
import { platformErrors } from '../../platform/errors.ts';
import type { SessionActor } from '../../platform/http/caller.ts';
import { toPhone, toWebAddress, trimInvisible, trimText } from '../../platform/typed-text.ts';
import { canonicalEmail } from './canonical-email.ts';
import { canonicalUsername } from './canonical-username.ts';
import { userErrors } from './errors.ts';
import type { ProfileFields, ProfilePatch, UserChange, UserProfile, UserRecord } from './user-store.ts';

export { searchTerms } from './search-terms.ts';

/** Milliseconds for which a deleted account can be restored. The API document promises them. */
export const GRACE_PERIOD = 30 * DAY;

/** The channel on which PostgreSQL names each user that was written. A migration has fixed it. */
export const CHANGED_USERS = 'ostiary_users';

const ASCII = /^[ -~]*$/;

/** An address as it is stored, and its canonical form, which is unique. Throws `email_invalid`. */
export function toEmail(input: string): { email: string; emailNorm: string } {
  const emailNorm = canonicalEmail(input);
  if (emailNorm === null) throw userErrors.email_invalid();
  const written = trimInvisible(input);
  // Spellings that differ in more than case may be other mailboxes, although they have the same canonical form (ｍike@ is not mike@, nor is
  // xn---abc the domain xn--abc): a code mailed there would verify an address that its user cannot read. Mail goes to the canonical form.
  return { email: written.toLowerCase() === emailNorm && ASCII.test(written) ? written : emailNorm, emailNorm };
}

/** A username as it is shown, and its look-alike key, which is unique; both null if none is given. Throws `username_invalid`. */
export function toUsername(input: string | null | undefined): { username: string | null; usernameKey: string | null } {
  if (input === null || input === undefined) return { username: null, usernameKey: null };
  const name = canonicalUsername(input);
  if (!name) throw userErrors.username_invalid();
  return { username: name.display, usernameKey: name.key };
}

/** Characters of a language tag; RFC 5646, 4.4.1. */
const LOCALE_LIMIT = 35;

/**
 * BCP 47 in its canonical form, from what systems and browsers write: `en_US.UTF-8`, `zh_Hans_CN`, the first known of `de-DE,de;q=0.9`. Null
 * if none is given or known: a new account must not fail for the settings of a device.
 */
export function toLocale(input: string | null | undefined): string | null {
  const tags = (input ?? '').split(',').map((entry) => entry.split(/[;.@]/, 1)[0] ?? '');
  return (
    tags.map((tag) => canonicalLocale(trimInvisible(tag).replaceAll('_', '-'))).find((tag) => tag !== null) ?? null
  );
}

function canonicalLocale(tag: string): string | null {
  try {
    const { baseName, language } = new Intl.Locale(tag);
    // No language has a name of more than three letters: `posix` is none.
    return language.length <= 3 && baseName.length <= LOCALE_LIMIT ? baseName : null;
  } catch {
    return null;
  }
}

type PersonField = Exclude<keyof ProfileFields, 'username' | 'usernameKey'>;
/** What people say about themselves, as received. */
export type PersonInput = { [Field in PersonField]?: ProfileFields[Field] | undefined };

/** How each field is stored: trimmed, and null (in the profile: absent) where nothing visible is left. */
const STORED: { readonly [Field in PersonField]: (given: ProfileFields[Field]) => ProfileFields[Field] } = {
  fullName: (name) => (name === null ? null : trimText(name)),
  phone: (number) => (number === null ? null : toPhone(number)),
  locale: toChosenLocale,
  profile: toProfile,
  profilePublic: (isPublic) => isPublic,
};

/** The fields about a person as they are stored. What is not given is left out. Throws `locale_invalid`. */
export function toPerson(input: PersonInput): ProfilePatch {
  const person: ProfilePatch = {};
  function take<Field extends PersonField>(field: Field, given: ProfileFields[Field] | undefined): void {
    if (given !== undefined) Object.assign(person, { [field]: STORED[field](given) });
  }
  for (const field of Object.keys(STORED) as PersonField[]) take(field, input[field]);
  return person;
}

/** Who chooses a language must learn that it is none. */
function toChosenLocale(input: string | null): string | null {
  const locale = toLocale(input);
  if (locale === null && trimText(input ?? '') !== null) throw userErrors.locale_invalid();
  return locale;
}

function toProfile({ bio = '', website = '', location = '' }: UserProfile): UserProfile {
  const fields = { bio: trimText(bio), website: toWebAddress(website), location: trimText(location) };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

/** One text for all spellings of a login, by which attempts are counted; a login that no user can have is its own key. */
export const loginKey = (login: string): string =>
  canonicalEmail(login) ?? canonicalUsername(login)?.canonical ?? trimInvisible(login);

/** Whether a store applied the change; false after a lost race. Throws `email_taken`, `username_taken`. */
export function isWon(result: UserChange): boolean {
  if (result === 'email_taken') throw userErrors.email_taken();
  if (result === 'username_taken') throw userErrors.username_taken();
  return result === 'ok';
}

/** The fields of a patch before and after it, for the audit log. */
export function auditDiff(user: UserRecord, patch: ProfilePatch): Record<'before' | 'after', Record<string, unknown>> {
  // Canonical forms are left out: they follow from the shown fields.
  const fields = (Object.keys(patch) as (keyof ProfilePatch)[]).filter((name) => !/Norm$|Key$/.test(name));
  const half = (from: ProfilePatch) => Object.fromEntries(fields.map((name) => [name, from[name]]));
  return { before: half(user), after: half(patch) };
}

/**
 * The id of the actor's session, for a change that ends all other sessions. Throws `unauthenticated` if that session was itself ended
 * since the request arrived: after a reset, a running request of a thief must not revive the thief's session.
 */
export function keptSession(
  user: Pick<UserRecord, 'sessionEpoch' | 'keptSessionId'>,
  { sessionId, sessionEpoch }: Pick<SessionActor, 'sessionId' | 'sessionEpoch'>,
): string {
  if (sessionEpoch < user.sessionEpoch && sessionId !== user.keptSessionId) throw platformErrors.unauthenticated();
  return sessionId;
}

/** Where everybody finds the avatar of a user: its name cannot be guessed, and every new one has another. Null without one. */
export function avatarAddress({ avatarId }: Pick<UserRecord, 'avatarId'>, publicUrl: string): string | null {
  return avatarId === null ? null : `${publicUrl}/api/v1/avatars/${avatarId}`;
}

/** `ann@example.com` becomes `a***@e***.com`: for mails to other addresses. */
export function maskEmail(email: string): string {
  const at = email.lastIndexOf('@');
  const first = (text: string) => Array.from(text)[0] ?? '';
  const domain = email.slice(at + 1);
  const top = domain.includes('.') ? domain.slice(domain.lastIndexOf('.')) : '';
  return `${first(email.slice(0, Math.max(at, 0)))}***@${first(domain)}***${top}`;
}

/** The masked address, which its owner recognises: `a…@example.com`. */
export function hintOf(email: string): string {
  const at = email.lastIndexOf('@');
  return `${[...email.slice(0, at)][0] ?? ''}…${email.slice(at)}`;
}
