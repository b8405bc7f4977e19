import { after, type Clock, DAY, HOUR, MINUTE } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { CODE_TRIES, CODE_TTL, deriveCode, sameSecret } from '../../platform/crypto/one-time.ts';
import type { PasswordHasher } from '../../platform/crypto/password-hasher.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { isId, newId } from '../../platform/ids.ts';
import type { Events } from '../events/events.ts';
import type { SignedIn } from '../sessions/sessions.ts';
import type { SignInEngine } from '../sign-in/engine.ts';
import { userErrors } from '../users/errors.ts';
import { isWon, toEmail, toLocale, toUsername } from '../users/names.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { authErrors } from './errors.ts';
import type { PasswordPolicy } from './password-policy.ts';
import type { RegistrationRecord, RegistrationStore } from './registration-store.ts';

export interface RegistrationInput {
  email: string;
  password: string;
  username?: string;
  fullName?: string;
  phone?: string;
  locale?: string;
}

export type Registered = { registrationId: string; expiresIn: number } | { signedIn: SignedIn };

export interface Registrations {
  /** Does the same for a known and an unknown address; which mail follows is decided later, off the request. */
  register(caller: Caller, input: RegistrationInput): Promise<Registered>;
  /** Makes the user and signs them in. Throws `code_invalid`, `email_taken`, `username_taken`. */
  verify(caller: Caller, input: { registrationId: string; code: string; username?: string }): Promise<SignedIn>;
  /** Mails the code again, if that is due; never tells. */
  resend(caller: Caller, registrationId: string): Promise<void>;
  /**
   * The present code of a registration; derived, so a mail that is sent twice says the same. Null where its key is gone, and where the
   * registration is one too many for its address: of those that came at the same moment, each saw the others not yet there.
   */
  codeOf(registration: RegistrationRecord): Promise<string | null>;
}

/** For how long a registration can be sent a new code. */
const REGISTRATION_TTL = DAY;
/** How often codes of one registration are mailed: [within, at most]. */
const RESEND_LIMITS: [number, number][] = [
  [MINUTE, 1],
  [HOUR, 5],
  [DAY, 10],
];
/**
 * How many registrations of one address get a code: [within, at most]. Bounds what a stranger can have mailed to somebody, and how many
 * codes of an address that is not theirs they can guess at.
 */
const ADDRESS_LIMITS: [number, number][] = [
  [HOUR, 5],
  [DAY, 20],
];

/** From the wish for an account to the account. */
export function createRegistrations(deps: {
  store: RegistrationStore;
  userStore: UserStore;
  users: Users;
  signIn: SignInEngine;
  events: Events;
  keyring: Keyring;
  hasher: PasswordHasher;
  policy: PasswordPolicy;
  config: Config;
  clock: Clock;
}): Registrations {
  const { store, userStore, users, signIn, events, keyring, hasher, policy, config, clock } = deps;

  async function codeOf({ id, codeId, keyId, emailNorm, createdAt }: RegistrationRecord): Promise<string | null> {
    if (!keyring.has(keyId) || !(await mayBeMailed(emailNorm, createdAt, id))) return null;
    return deriveCode(keyring, { purpose: 'registration', id: codeId, subject: `${id} ${emailNorm}`, keyId });
  }

  const newCode = (now: Date) => ({
    codeId: newId(now),
    keyId: keyring.currentKeyId,
    codeExpiresAt: after(now, CODE_TTL),
    tries: 0,
  });

  /** Whether a registration of this moment gets a code: a further one, or one that is there already, by its id. */
  async function mayBeMailed(emailNorm: string, at: Date, id?: string): Promise<boolean> {
    for (const [within, atMost] of ADDRESS_LIMITS) {
      const count = await store.countSince(emailNorm, after(at, -within), id);
      if (count > (id === undefined ? atMost - 1 : atMost)) return false;
    }
    return true;
  }

  async function insert(caller: Caller, user: UserRecord): Promise<boolean> {
    const about = { target: `user:${user.id}`, userId: user.id, actorId: user.id };
    const event = events.describe(caller, { type: 'user.registered', ...about, evicts: true });
    return isWon(await userStore.insert(user, event));
  }

  return {
    codeOf,

    async register(caller, input) {
      if (config.registration !== 'open') throw authErrors.registration_closed();
      const identity = { ...toEmail(input.email), ...users.toOwnUsername(input.username) };
      const person = {
        fullName: input.fullName ?? null,
        phone: input.phone ?? null,
        locale: toLocale(input.locale),
      };
      await policy.check(input.password, { ...identity, ...person });
      if (identity.usernameKey && (await userStore.findByUsernameKey(identity.usernameKey)))
        throw userErrors.username_taken();
      const passwordHash = await hasher.hash(input.password);
      const now = clock();
      const id = newId(now);

      if (config.emailVerification === 'off') {
        const user = users.draft(id, { ...identity, ...person, passwordHash });
        await insert(caller, user);
        const proofs = [{ method: 'password', at: now } as const];
        return { signedIn: await signIn.enter(caller, { user, proofs, refused: authErrors.invalid_credentials }) };
      }

      const { usernameKey: _, ...names } = identity;
      const mailed = await mayBeMailed(identity.emailNorm, now);
      const registration: RegistrationRecord = {
        id,
        ...names,
        ...person,
        passwordHash,
        ...newCode(now),
        // Where no code is mailed, none may be guessed.
        ...(!mailed && { tries: CODE_TRIES }),
        sentAt: mailed ? [now] : [],
        createdAt: now,
        version: 1,
      };
      const event = events.describe(caller, {
        type: 'registration.started',
        target: `registration:${id}`,
        actorId: null,
      });
      await store.create(registration, event);
      return { registrationId: id, expiresIn: CODE_TTL / 1000 };
    },

    async verify(caller, input) {
      const chosen = input.username === undefined ? null : users.toOwnUsername(input.username);
      const registration = isId(input.registrationId) ? await store.find(input.registrationId) : null;
      if (!registration || !(await store.countTry(registration.id, registration.codeId, CODE_TRIES, clock()))) {
        throw authErrors.code_invalid();
      }
      const code = await codeOf(registration);
      if (code === null || !sameSecret(input.code, code)) throw authErrors.code_invalid();
      const { id, email, emailNorm, fullName, phone, locale, passwordHash } = registration;
      const user = users.draft(id, {
        email,
        emailNorm,
        emailVerified: true,
        ...(chosen ?? toUsername(registration.username)),
        fullName,
        phone,
        locale,
        passwordHash,
      });
      // The user takes the registration's id: of many who come with the code, the first insert uses it up.
      const isFirst = await insert(caller, user).catch(async (error) => {
        // The code was right and stays good: a taken name, or a database that was away, costs no try.
        await store.giveBackTry(id, registration.codeId);
        throw error;
      });
      if (!isFirst) throw authErrors.code_invalid();
      const proofs = [{ method: 'email', at: clock() } as const];
      return signIn.enter(caller, { user, proofs, refused: authErrors.code_invalid });
    },

    async resend(caller, registrationId) {
      const registration = isId(registrationId) ? await store.find(registrationId) : null;
      const now = clock();
      if (!registration || after(registration.createdAt, REGISTRATION_TTL) <= now) return;
      const { sentAt, codeId, keyId, codeExpiresAt, tries } = registration;
      const sentWithin = (span: number) => sentAt.filter((at) => at > after(now, -span)).length;
      if (sentAt.length === 0 || RESEND_LIMITS.some(([within, atMost]) => sentWithin(within) >= atMost)) return;
      const spent = codeExpiresAt <= now || tries >= CODE_TRIES || !keyring.has(keyId);
      const code = spent ? newCode(now) : { codeId, keyId, codeExpiresAt, tries };
      const target = `registration:${registration.id}`;
      const event = events.describe(caller, { type: 'registration.code_resent', target, actorId: null });
      const recent = sentAt.filter((at) => at > after(now, -DAY));
      await store.resend(registration, { ...code, sentAt: [...recent, now] }, event);
    },
  };
}
