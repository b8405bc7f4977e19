import { DAY } from '../../platform/clock.ts';
import { platformErrors } from '../../platform/errors.ts';
import type { SessionActor } from '../../platform/http/caller.ts';
import { canonicalEmail } from './canonical-email.ts';
import { canonicalUsername } from './canonical-username.ts';
import { userErrors } from './errors.ts';
import type { ProfilePatch, UserChange, UserRecord } from './user-store.ts';

export { searchTerms } from './search-terms.ts';

/** How long an account that was deleted can be restored, in milliseconds. The contract says so to its owner. */
export const GRACE_PERIOD = 30 * DAY;

const ASCII = /^[ -~]*$/;

/** An address as it is stored, and its canonical form, which is unique. Throws `email_invalid`. */
export function toEmail(input: string): { email: string; emailNorm: string } {
  const emailNorm = canonicalEmail(input);
  if (emailNorm === null) throw userErrors.email_invalid();
  const written = input.trim();
  // Beyond the case of letters, one canonical form has spellings with other mailboxes behind them (ｍike@ is not mike@, nor xn---abc the
  // domain xn--abc): whoever could have the code mailed there would own an address that they cannot read. So what decides gets the mail.
  return { email: written.toLowerCase() === emailNorm && ASCII.test(written) ? written : emailNorm, emailNorm };
}

/** A username as it is shown, and its look-alike key, which is unique; nothing where none is given. Throws `username_invalid`. */
export function toUsername(input: string | null | undefined): { username: string | null; usernameKey: string | null } {
  if (input === null || input === undefined) return { username: null, usernameKey: null };
  const name = canonicalUsername(input);
  if (!name) throw userErrors.username_invalid();
  return { username: name.display, usernameKey: name.key };
}

/** BCP 47 in its canonical form; null where none is given. Throws `locale_invalid`. */
export function toLocale(input: string | null | undefined): string | null {
  if (input === null || input === undefined) return null;
  try {
    return Intl.getCanonicalLocales(input)[0] ?? null;
  } catch {
    throw userErrors.locale_invalid();
  }
}

/** One text for all spellings of a login, for counting tries; also for logins that nobody can have. */
export const loginKey = (login: string): string =>
  canonicalEmail(login) ?? canonicalUsername(login)?.canonical ?? login;

/** Whether a store took the change; false: somebody else was faster. Throws `email_taken`, `username_taken`. */
export function isWon(result: UserChange): boolean {
  if (result === 'email_taken') throw userErrors.email_taken();
  if (result === 'username_taken') throw userErrors.username_taken();
  return result === 'ok';
}

/** What a patch makes of a user, for the audit log: each field that it names, before and after. */
export function auditDiff(user: UserRecord, patch: ProfilePatch): Record<'before' | 'after', Record<string, unknown>> {
  // The canonical forms follow from what is shown.
  const fields = (Object.keys(patch) as (keyof ProfilePatch)[]).filter((name) => !/Norm$|Key$/.test(name));
  const half = (from: ProfilePatch) => Object.fromEntries(fields.map((name) => [name, from[name]]));
  return { before: half(user), after: half(patch) };
}

/**
 * The actor's session, to be kept by what ends all others. Throws `unauthenticated` where it was itself ended together with others
 * since the request came in: what a thief has under way must not bring their session back to life after a reset.
 */
export function keptSession(
  user: Pick<UserRecord, 'sessionEpoch' | 'keptSessionId'>,
  { sessionId, sessionEpoch }: Pick<SessionActor, 'sessionId' | 'sessionEpoch'>,
): string {
  if (sessionEpoch < user.sessionEpoch && sessionId !== user.keptSessionId) throw platformErrors.unauthenticated();
  return sessionId;
}
