import { after, type Clock, DAY, HOUR, MINUTE } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { CODE_TRIES, CODE_TTL, deriveCode, isCode, sameCode } from '../../platform/crypto/one-time.ts';
import type { PasswordHasher } from '../../platform/crypto/password-hasher.ts';
import { checkFields } from '../../platform/errors.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { isId, leastId, newId } from '../../platform/ids.ts';
import type { Events } from '../events/events.ts';
import type { AddressBounds } from '../guessing/address-bounds.ts';
import type { SignedIn } from '../sessions/sessions.ts';
import type { SignInEngine } from '../sign-in/engine.ts';
import { userErrors } from '../users/errors.ts';
import { isWon, toEmail, toLocale, toPerson, toUsername } from '../users/names.ts';
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

/** A registration whose code is valid for `expiresIn` seconds; without verification, the session of the new user. */
export type Registered = { registrationId: string; expiresIn: number } | { signedIn: SignedIn };

export interface Registrations {
  /**
   * Starts a registration. Does the same for a known and an unknown address: which mail follows is decided later, outside the request.
   * Throws `registration_closed`, `email_invalid`, `username_…`, `password_…`; without verification also `email_taken`.
   */
  register(caller: Caller, input: RegistrationInput): Promise<Registered>;
  /**
   * Creates the user and signs in, with any valid code that was mailed to the address: also one that somebody else caused. Throws
   * `code_invalid`, `email_taken`, `username_invalid`, `username_taken`, `rate_limited`.
   */
  verify(caller: Caller, input: { registrationId: string; code: string; username?: string }): Promise<SignedIn>;
  /** Mails the code again if the limits allow it; the caller does not learn whether it was mailed. */
  resend(caller: Caller, registrationId: string): Promise<void>;
  /** The present code of a registration; derived, so that a mail that is sent twice is the same. Null if its key is gone. */
  codeOf(registration: RegistrationRecord): string | null;
}

/** How long the code of a registration can be mailed again. */
const REGISTRATION_TTL = DAY;
/** How often the code of one registration is mailed again: [within milliseconds, at most]. */
const RESEND_LIMITS: [number, number][] = [
  [MINUTE, 1],
  [HOUR, 5],
  [DAY, 10],
];
/** Within this time after a code was made, further registrations of its address share it: one guess then tries one code. */
const SHARED_FOR = 5 * MINUTE;
/** Mailed registrations of an address that are read, and different codes among them that a try is compared with. */
const READ_MAILED = 20;
const MOST_CODES = 3;

/** The fields of a registration's code. */
type Code = Pick<RegistrationRecord, 'codeId' | 'codeOwner' | 'keyId' | 'codeExpiresAt' | 'tries'>;

/** Creates the use cases of registration, from the request for an account to its creation. */
export function createRegistrations(deps: {
  store: RegistrationStore;
  userStore: UserStore;
  users: Users;
  signIn: SignInEngine;
  bounds: AddressBounds;
  events: Events;
  keyring: Keyring;
  hasher: PasswordHasher;
  policy: PasswordPolicy;
  config: Config;
  clock: Clock;
}): Registrations {
  const { store, userStore, users, signIn, bounds, events, keyring, hasher, policy, config, clock } = deps;

  function codeOf({ id, codeId, codeOwner, keyId, emailNorm }: RegistrationRecord): string | null {
    if (!keyring.has(keyId)) return null;
    const subject = `${codeOwner ?? id} ${emailNorm}`;
    return deriveCode(keyring, { purpose: 'registration', id: codeId, subject, keyId });
  }

  const newCode = (now: Date): Code => ({
    codeId: newId(now),
    codeOwner: null,
    keyId: keyring.currentKeyId,
    codeExpiresAt: after(now, CODE_TTL),
    tries: 0,
  });

  /** The code for one more registration of an address: a young one that was mailed there already, or a new one. */
  async function codeFor(emailNorm: string, now: Date): Promise<Code> {
    const [mailed] = await store.listMailed(emailNorm, now, 1);
    const isYoung = mailed && mailed.codeId >= leastId(after(now, -SHARED_FOR)) && keyring.has(mailed.keyId);
    if (!isYoung) return newCode(now);
    const { codeId, keyId, id, codeOwner } = mailed;
    return { ...newCode(now), codeId, keyId, codeOwner: codeOwner ?? id };
  }

  /**
   * Whether this code was mailed to the address of the registration, for it or for another: a stranger who has used up the mails of an
   * address must not keep its owner from registering. Only whoever reads the mailbox knows it.
   */
  async function isMailed(code: string, registration: RegistrationRecord): Promise<boolean> {
    const own = registration.sentAt.length > 0 ? [registration] : [];
    const others = await store.listMailed(registration.emailNorm, clock(), READ_MAILED);
    const codes = new Set([...own, ...others].map(codeOf).filter((each) => each !== null));
    const compared = [...codes].slice(0, MOST_CODES);
    return compared.map((each) => sameCode(code, each)).includes(true);
  }

  async function toFreeUsername(input: string | undefined) {
    const name = users.toOwnUsername(input);
    if (name.usernameKey && (await userStore.findByUsernameKey(name.usernameKey))) throw userErrors.username_taken();
    return name;
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
      const { fullName = null, phone = null } = toPerson({ fullName: input.fullName, phone: input.phone });
      const person = { fullName, phone, locale: toLocale(input.locale) };
      const { address, name } = await checkFields(
        { address: () => toEmail(input.email), name: () => toFreeUsername(input.username) },
        (passed) => policy.check(input.password, { ...passed.address, ...passed.name, ...person }),
      );
      const identity = { ...address, ...name };
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
      const isMailedNow = (await bounds.takeMail(caller, identity.emailNorm)) === 0;
      const registration: RegistrationRecord = {
        id,
        ...names,
        ...person,
        passwordHash,
        ...(await codeFor(identity.emailNorm, now)),
        sentAt: isMailedNow ? [now] : [],
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
      if (!isCode(input.code)) throw authErrors.code_invalid();
      const registration = isId(input.registrationId) ? await store.find(input.registrationId) : null;
      if (!registration || !(await store.countTry(registration.id, registration.codeId, CODE_TRIES, clock()))) {
        throw authErrors.code_invalid();
      }
      const guess = await bounds.takeGuess(caller, registration.emailNorm).catch(async (error) => {
        await store.giveBackTry(registration.id, registration.codeId);
        throw error;
      });
      if (!(await isMailed(input.code, registration))) throw authErrors.code_invalid();
      await guess.undo();
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
      // The user takes the registration's id: of many requests with the code, the first insert uses it up.
      const isFirst = await insert(caller, user).catch(async (error) => {
        // The code was right and stays valid: a taken name or an unreachable database costs no try.
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
      const { sentAt, emailNorm, codeId, codeOwner, keyId, codeExpiresAt, tries } = registration;
      const sentWithin = (span: number) => sentAt.filter((at) => at > after(now, -span)).length;
      if (RESEND_LIMITS.some(([within, atMost]) => sentWithin(within) >= atMost)) return;
      if ((await bounds.takeMail(caller, emailNorm)) > 0) return;
      const spent = codeExpiresAt <= now || tries >= CODE_TRIES || !keyring.has(keyId);
      const code = spent ? newCode(now) : { codeId, codeOwner, keyId, codeExpiresAt, tries };
      const target = `registration:${registration.id}`;
      const event = events.describe(caller, { type: 'registration.code_resent', target, actorId: null });
      const recent = sentAt.filter((at) => at > after(now, -DAY));
      await store.resend(registration, { ...code, sentAt: [...recent, now] }, event);
    },
  };
}
