import { after, type Clock } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { CODE_TRIES, CODE_TTL, deriveCode, sameSecret } from '../../platform/crypto/one-time.ts';
import type { RefusalDelay } from '../../platform/crypto/refusal-delay.ts';
import { platformErrors } from '../../platform/errors.ts';
import type { SessionActor as Actor, Caller } from '../../platform/http/caller.ts';
import { newId } from '../../platform/ids.ts';
import type { Events } from '../events/events.ts';
import { canonicalEmail } from './canonical-email.ts';
import { canonicalUsername } from './canonical-username.ts';
import { userErrors } from './errors.ts';
import type { ReservedUsernames } from './reserved-usernames.ts';
import { searchTerms } from './search-terms.ts';
import type { EmailChange, ProfilePatch, UserChange, UserRecord, UserStore } from './user-store.ts';

/** What a person may change of themselves, as it comes in. */
export interface ProfileInput {
  fullName?: string | null;
  username?: string | null;
  phone?: string | null;
  locale?: string | null;
  profile?: UserRecord['profile'];
  profilePublic?: boolean;
}

export interface Users {
  /** Throws `email_invalid`. */
  toEmail(input: string): { email: string; emailNorm: string };
  /** Throws `username_invalid`. */
  toUsername(input: string | null | undefined): { username: string | null; usernameKey: string | null };
  /**
   * As it is chosen by its owner, who has the key `held`. Throws `username_invalid`, and `username_taken` for names that only
   * administrators give, other than their own.
   */
  toOwnUsername(
    input: string | null | undefined,
    held?: string | null,
  ): { username: string | null; usernameKey: string | null };
  /** Throws `locale_invalid`. */
  toLocale(input: string | null | undefined): string | null;
  /** By e-mail address or username; an `@` decides. Null also for what can be neither. */
  findByLogin(login: string): Promise<UserRecord | null>;
  /** One text for all spellings of a login, for counting tries; also for logins that nobody can have. */
  loginKey(login: string): string;
  /** Throws `unauthenticated` where the actor's user is gone. */
  me(actor: Actor): Promise<UserRecord>;
  /**
   * Decides on the present state and writes onto it, again when somebody else was faster. Throws `email_taken`, `username_taken`, what
   * `attempt` throws, `gone` (default: `unauthenticated`) where the user is not active, and `overloaded` where somebody else is always faster.
   */
  change(id: string, attempt: (user: UserRecord) => Promise<UserChange>, gone?: () => Error): Promise<UserRecord>;
  /** A user that is about to be inserted: whatever is not said has the value of a newcomer. */
  draft(id: string, fields: Partial<UserRecord>): UserRecord;
  /** What a patch makes of a user, for the history: each field that it names, before and after. */
  changeOf(user: UserRecord, patch: ProfilePatch): Record<'before' | 'after', Record<string, unknown>>;
  /** The terms of a search, in the form in which users have theirs. */
  searchTerms(query: string): string[];
  patchMe(caller: Caller, actor: Actor, input: ProfileInput): Promise<UserRecord>;
  /** Soft: restorable for 30 days; every session ends. Throws `superadmin_protected`. */
  deleteMe(caller: Caller, actor: Actor): Promise<void>;
  /** Ends every session of theirs in one write, but `keep`. Throws `unauthenticated` where that one was ended meanwhile. */
  endSessions(caller: Caller, userId: string, keep: Actor | null): Promise<void>;
  /**
   * The actor's session, to be kept by what ends all others. Throws `unauthenticated` where it was itself ended together with others
   * since the request came in: what a thief has under way must not bring their session back to life after a reset.
   */
  keptSession(user: UserRecord, actor: Actor): string;
  /** Mails a code to the address that the user wants to have (or to the one they have, to verify it). */
  beginEmailChange(caller: Caller, userId: string, newEmail: string): Promise<EmailChange>;
  /** Takes the address. Throws `invalid` for a code that is wrong, used, expired or unknown, and `email_taken`. */
  confirmEmailChange(caller: Caller, userId: string, code: string, invalid: () => Error): Promise<UserRecord>;
  /** The code of a waiting change; derived, so a mail that is sent twice says the same. Null where its key is gone. */
  emailChangeCode(userId: string, change: EmailChange): string | null;
  /** Throws `user_not_found` unless its owner made it public. */
  publicProfile(username: string): Promise<UserRecord & { username: string }>;
}

const ATTEMPTS = 20;
const ASCII = /^[ -~]*$/;

/** What people do with their own accounts, and the forms of names that decide who is who. */
export function createUsers(deps: {
  store: UserStore;
  events: Events;
  keyring: Keyring;
  /** The roles of a newcomer. */
  firstRoleIds: readonly string[];
  isReserved: ReservedUsernames;
  /** Throws `superadmin_protected`; see `Superadmins.demandNotSuperadmin`. */
  demandNotSuperadmin: (caller: Caller, userId: string) => Promise<void>;
  delayRefusal: RefusalDelay;
  clock: Clock;
}): Users {
  const { store, events, keyring, firstRoleIds, isReserved, demandNotSuperadmin, delayRefusal, clock } = deps;

  function toEmail(input: string) {
    const emailNorm = canonicalEmail(input);
    if (emailNorm === null) throw userErrors.email_invalid();
    const written = input.trim();
    // Beyond the case of letters, one canonical form has spellings with other mailboxes behind them (ｍike@ is not mike@, nor xn---abc the
    // domain xn--abc): whoever could have the code mailed there would own an address that they cannot read. So what decides gets the mail.
    return { email: written.toLowerCase() === emailNorm && ASCII.test(written) ? written : emailNorm, emailNorm };
  }

  function toUsername(input: string | null | undefined) {
    if (input === null || input === undefined) return { username: null, usernameKey: null };
    const name = canonicalUsername(input);
    if (!name) throw userErrors.username_invalid();
    return { username: name.display, usernameKey: name.key };
  }

  function toOwnUsername(input: string | null | undefined, held: string | null = null) {
    const name = toUsername(input);
    const { usernameKey: key } = name;
    if (key !== null && key !== held && isReserved(key)) throw userErrors.username_taken();
    return name;
  }

  function toLocale(input: string | null | undefined): string | null {
    if (input === null || input === undefined) return null;
    try {
      return Intl.getCanonicalLocales(input)[0] ?? null;
    } catch {
      throw userErrors.locale_invalid();
    }
  }

  async function change(
    id: string,
    attempt: (user: UserRecord) => Promise<UserChange>,
    gone: () => Error = platformErrors.unauthenticated,
  ): Promise<UserRecord> {
    for (let tries = 0; tries < ATTEMPTS; tries++) {
      const user = await store.find(id);
      if (user?.status !== 'active') throw gone();
      const result = await attempt(user);
      if (result === 'email_taken') throw userErrors.email_taken();
      if (result === 'username_taken') throw userErrors.username_taken();
      if (result === 'ok') return (await store.find(id)) ?? user;
    }
    throw platformErrors.overloaded({ headers: { 'retry-after': '1' } });
  }

  const about = (user: UserRecord) => ({ target: `user:${user.id}`, userId: user.id });
  const at = (user: UserRecord) => ({ id: user.id, version: user.version, now: clock() });

  async function findByUsername(input: string): Promise<UserRecord | null> {
    const name = canonicalUsername(input);
    const user = name && (await store.findByUsernameKey(name.key));
    // A look-alike shares the key, but is not the name.
    return user?.username && canonicalUsername(user.username)?.canonical === name?.canonical ? user : null;
  }

  const loginKey = (login: string) => canonicalEmail(login) ?? canonicalUsername(login)?.canonical ?? login;

  function keptSession(user: UserRecord, { sessionId, sessionEpoch }: Actor): string {
    if (sessionEpoch < user.sessionEpoch && sessionId !== user.keptSessionId) throw platformErrors.unauthenticated();
    return sessionId;
  }

  function emailChangeCode(userId: string, { id, keyId, emailNorm }: EmailChange): string | null {
    if (!keyring.has(keyId)) return null;
    return deriveCode(keyring, { purpose: 'email-change', id, subject: `${userId} ${emailNorm}`, keyId });
  }

  return {
    toEmail,
    toUsername,
    toOwnUsername,
    change,
    toLocale,
    emailChangeCode,
    keptSession,
    changeOf,
    searchTerms,
    draft: (id, fields) => ({ ...newcomer(id, clock()), roleIds: [...firstRoleIds], ...fields }),

    async findByLogin(login) {
      if (!login.includes('@')) return findByUsername(login);
      const emailNorm = canonicalEmail(login);
      return emailNorm === null ? null : store.findByEmail(emailNorm);
    },

    loginKey,

    async me(actor) {
      const user = await store.find(actor.userId);
      if (!user) throw platformErrors.unauthenticated();
      return user;
    },

    patchMe(caller, actor, input) {
      const { username, locale, ...rest } = input;
      const ofAll: ProfilePatch = { ...rest, ...(locale !== undefined && { locale: toLocale(locale) }) };
      return change(actor.userId, async (user) => {
        const patch = { ...ofAll, ...(username !== undefined && toOwnUsername(username, user.usernameKey)) };
        const event = events.describe(caller, {
          type: 'user.profile_changed',
          ...about(user),
          data: changeOf(user, patch),
        });
        return store.patchProfile(at(user), patch, event);
      });
    },

    async deleteMe(caller, actor) {
      await change(actor.userId, async (user) => {
        if (user.superadminMark) await demandNotSuperadmin(caller, user.id);
        const data = { before: { status: user.status }, after: { status: 'deleted' } };
        const event = events.describe(caller, { type: 'user.deleted', ...about(user), data, evicts: true });
        const { sessionEpoch, grantEpoch } = user;
        return store.softDelete(at(user), { sessionEpoch: sessionEpoch + 1, grantEpoch: grantEpoch + 1 }, event);
      });
    },

    async endSessions(caller, userId, keep) {
      await change(userId, async (user) => {
        const keptSessionId = keep && keptSession(user, keep);
        const event = events.describe(caller, {
          type: 'user.sessions_ended',
          ...about(user),
          data: { kept: keptSessionId },
          evicts: true,
        });
        return store.endSessions(at(user), { sessionEpoch: user.sessionEpoch + 1, keptSessionId }, event);
      });
    },

    async beginEmailChange(caller, userId, newEmail) {
      const now = clock();
      const challenge: EmailChange = {
        id: newId(now),
        keyId: keyring.currentKeyId,
        ...toEmail(newEmail),
        expiresAt: after(now, CODE_TTL),
        tries: 0,
      };
      await change(userId, (user) => {
        const event = events.describe(caller, {
          type: 'user.email_change_requested',
          ...about(user),
          data: { challengeId: challenge.id },
        });
        return store.beginEmailChange(at(user), challenge, event);
      });
      return challenge;
    },

    async confirmEmailChange(caller, userId, code, invalid) {
      const asked = (await store.find(userId))?.emailChange;
      if (!asked || !(await store.countEmailTry(userId, asked.id, CODE_TRIES, clock()))) throw invalid();
      const expected = emailChangeCode(userId, asked);
      if (expected === null || !sameSecret(code, expected)) throw invalid();
      return change(
        userId,
        (user) => {
          if (user.emailChange?.id !== asked.id) throw invalid();
          const event = events.describe(caller, {
            type: 'user.email_changed',
            ...about(user),
            data: {
              before: { email: user.email, emailVerified: user.emailVerified },
              after: { email: asked.email, emailVerified: true },
            },
            evicts: true,
          });
          return store.takeEmail(at(user), asked, event);
        },
        invalid,
      );
    },

    publicProfile: (username) =>
      delayRefusal(loginKey(username), async () => {
        const user = await findByUsername(username);
        if (user?.status !== 'active' || !user.profilePublic || user.username === null)
          throw userErrors.user_not_found();
        return { ...user, username: user.username };
      }),
  };
}

function changeOf(user: UserRecord, patch: ProfilePatch): Record<'before' | 'after', Record<string, unknown>> {
  // The canonical forms follow from what is shown.
  const fields = (Object.keys(patch) as (keyof ProfilePatch)[]).filter((name) => !/Norm$|Key$/.test(name));
  const half = (from: ProfilePatch) => Object.fromEntries(fields.map((name) => [name, from[name]]));
  return { before: half(user), after: half(patch) };
}

function newcomer(id: string, now: Date): UserRecord {
  return {
    id,
    email: null,
    emailNorm: null,
    emailVerified: false,
    username: null,
    usernameKey: null,
    fullName: null,
    phone: null,
    locale: null,
    profile: {},
    profilePublic: false,
    status: 'active',
    roleIds: [],
    superadminMark: false,
    passwordHash: null,
    passwordVersion: 1,
    mustChangePassword: false,
    sessionEpoch: 0,
    keptSessionId: null,
    grantEpoch: 0,
    credentialEpoch: 0,
    emailChange: null,
    invitation: null,
    lastLoginAt: null,
    deletedAt: null,
    createdAt: now,
    updatedAt: now,
    version: 1,
  };
}
