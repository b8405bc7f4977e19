import { after, type Clock } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { createMacTokens } from '../../platform/crypto/mac-token.ts';
import type { RefusalDelay } from '../../platform/crypto/refusal-delay.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { SYSTEM_CALLER } from '../../platform/http/system-caller.ts';
import { idOfBytes, idToBytes, isId } from '../../platform/ids.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { Authority } from '../access/authority.ts';
import { authErrors } from '../auth/errors.ts';
import type { Events } from '../events/events.ts';
import type { FactorStore, FactorsRecord } from '../factors/factor-store.ts';
import { type Factors, factorsOf, holdsSecondFactor } from '../factors/names.ts';
import { userErrors } from '../users/errors.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import { mfaErrors } from './errors.ts';
import type { MfaPolicies } from './policy.ts';

/**
 * Resets of second factors, for who has lost them. A reset waits, its owner is told, and any factor stops it: so a help desk that is talked
 * into one gives an attacker a day of warnings, not an account.
 */
export interface FactorResets {
  /** By the owner, who has proved a first factor: begins the delay, or mails that only an administrator may. Tells nothing. */
  requestOwn(caller: Caller, user: UserRecord): Promise<void>;
  /** By an administrator. Throws `user_not_found`, `self_protected`, `power_exceeded`, `no_second_factor`. Answers when it takes effect. */
  request(caller: Caller, userId: string, reason: string): Promise<Date>;
  /** By an administrator; does nothing if there is none. Throws `user_not_found`, `power_exceeded`. */
  cancel(caller: Caller, userId: string): Promise<void>;
  /** By the mailed link. Throws `token_invalid`. */
  cancelByToken(caller: Caller, token: string): Promise<void>;
  /** By the owner, who has proved a factor; does nothing if there is none. */
  cancelByFactor(caller: Caller, user: Pick<UserRecord, 'id' | 'credentialEpoch'>): Promise<void>;
  /** The token of the link that stops the reset; null if none waits. Derived, so that every mail has the same. */
  stopToken(user: UserRecord): Promise<{ token: string; resetAt: Date } | null>;
  /** Carries out a reset that is due; false if it was stopped. A killed process does it again. */
  carryOut(userId: string): Promise<boolean>;
  /** At once, for the operator; `login`: address or username. Throws `user_not_found`, `no_second_factor`. */
  resetNow(caller: Caller, login: string): Promise<UserRecord>;
}

const ID_BYTES = 16;
const about = ({ id }: Pick<UserRecord, 'id'>) => ({ target: `factors:${id}`, userId: id });

export function createFactorResets(deps: {
  store: FactorStore;
  users: UserStore;
  findByLogin: (login: string) => Promise<UserRecord | null>;
  policies: MfaPolicies;
  authority: Authority;
  /** Milliseconds. */
  delay: number;
  events: Events;
  keyring: Keyring;
  delayRefusal: RefusalDelay;
  clock: Clock;
}): FactorResets {
  const { store, users, findByLogin, policies, authority, delay, events, keyring, delayRefusal, clock } = deps;

  const stopTokens = createMacTokens({ keyring, purpose: 'stop-factor-reset', bodyBytes: ID_BYTES });

  interface Held {
    user: UserRecord;
    record: FactorsRecord | null;
    factors: Factors;
  }

  async function read(userId: string): Promise<Held> {
    const [user, record] = isId(userId) ? await Promise.all([users.find(userId), store.find(userId)]) : [null, null];
    if (!user || user.status === 'erased') throw userErrors.user_not_found();
    return { user, record, factors: factorsOf(user, record) };
  }

  /** Decides on the current state and writes to exactly that state; repeats both if another write came first. */
  const decide = <T extends NonNullable<unknown>>(
    userId: string,
    attempt: (held: Held) => Promise<T | null>,
  ): Promise<T> => untilWon(async () => attempt(await read(userId)), { record: `factors:${userId}` });

  /** Sets or clears the time of the reset; null: another write came first. */
  async function write<T extends NonNullable<unknown>>(
    caller: Caller,
    held: Held,
    at: Date | null,
    type: string,
    data: object,
    done: T,
  ) {
    if (held.record === null) return null;
    const event = events.describe(caller, { type, ...about(held.user), data: { ...data } });
    return (await store.setReset(held.record, at, event)) === 'ok' ? done : null;
  }

  const hasAny = ({ factors }: Held) => holdsSecondFactor(factors) || factors.recovery !== null;

  /** A second request changes nothing: neither may prolong the delay, nor mail its owner again. */
  function begin(caller: Caller, held: Held, data: { by: string; reason?: string }): Promise<Date | null> {
    if (held.factors.resetAt !== null) return Promise.resolve(held.factors.resetAt);
    const effectiveAt = after(clock(), delay);
    return write(caller, held, effectiveAt, 'factors.reset_requested', { ...data, effectiveAt }, effectiveAt);
  }

  function stop(caller: Caller, held: Held, by: string): Promise<true | null> {
    if (held.factors.resetAt === null) return Promise.resolve(true);
    return write(caller, held, null, 'factors.reset_cancelled', { by }, true);
  }

  /** Binds a link to its reset: it stops no later one. Null: no reset waits. */
  function contextOf({ record, factors }: Held): string[] | null {
    return record === null || factors.resetAt === null ? null : [record.handle, factors.resetAt.toISOString()];
  }

  /** Sessions first and factors then: who is signed in by a factor that is gone could enrol another one. */
  async function clear(caller: Caller, held: Held): Promise<boolean> {
    const { user, record } = held;
    if (record === null) return true;
    await untilWon(async () => {
      const now = await users.find(user.id);
      if (!now || now.status === 'erased') return true;
      const data = { kept: null, reason: 'factors_reset' };
      const ended = { type: 'user.sessions_ended', target: `user:${user.id}`, userId: user.id, data, evicts: true };
      const change = { sessionEpoch: now.sessionEpoch + 1, keptSessionId: null };
      const at = { id: user.id, version: now.version, now: clock() };
      return (await users.endSessions(at, change, events.describe(caller, ended))) === 'ok' ? true : null;
    });
    await policies.endGrace(user);
    return (await store.reset(record, events.describe(caller, { type: 'factors.reset', ...about(user) }))) === 'ok';
  }

  return {
    async requestOwn(caller, { id, emailVerified }) {
      await decide<true | Date>(id, async (held) => {
        if (!hasAny(held) || !emailVerified) return true;
        const { selfRecovery } = await policies.policyOf(held.user, { twoFactors: true, phishingResistant: true });
        if (selfRecovery) return begin(caller, held, { by: 'owner' });
        if (held.factors.resetAt !== null) return true;
        return write(caller, held, null, 'factors.recovery_refused', {}, true);
      });
    },

    request: (caller, userId, reason) =>
      decide(userId, async (held) => {
        await authority.demandOverOther(caller, held.user);
        if (!hasAny(held)) throw mfaErrors.no_second_factor();
        return begin(caller, held, { by: 'administrator', reason });
      }),

    async cancel(caller, userId) {
      await decide(userId, async (held) => {
        await authority.demandOver(caller, held.user);
        return stop(caller, held, 'administrator');
      });
    },

    async cancelByToken(caller, token) {
      const bytes = stopTokens.peek(token);
      if (bytes === null) throw authErrors.token_invalid();
      const userId = idOfBytes(bytes);
      await delayRefusal(userId, () =>
        untilWon(async () => {
          const [user, record] = await Promise.all([users.find(userId), store.find(userId)]);
          const held = user && { user, record, factors: factorsOf(user, record) };
          const context = held && contextOf(held);
          if (!held || !context || stopTokens.read(token, ...context) === null) throw authErrors.token_invalid();
          return stop(caller, held, 'link');
        }),
      );
    },

    async cancelByFactor(caller, { id }) {
      await decide(id, (held) => stop(caller, held, 'factor'));
    },

    async stopToken(user) {
      const record = await store.find(user.id);
      const held = { user, record, factors: factorsOf(user, record) };
      const [context, { resetAt }] = [contextOf(held), held.factors];
      if (context === null || resetAt === null) return null;
      return { token: stopTokens.make(idToBytes(user.id), ...context), resetAt };
    },

    carryOut: (userId) =>
      decide(userId, async (held) => {
        const { user, record, factors } = held;
        const { resetAt } = factors;
        // What waits under a former epoch is void, and would be found due for ever.
        if (record && record.credentialEpoch < user.credentialEpoch) {
          await store.renew(userId, record.credentialEpoch, user.credentialEpoch);
        }
        if (resetAt === null || resetAt > clock()) return false;
        return (await clear(SYSTEM_CALLER, held)) ? true : null;
      }),

    async resetNow(caller, login) {
      const user = await findByLogin(login);
      if (!user) throw userErrors.user_not_found();
      return decide(user.id, async (held) => {
        if (!hasAny(held)) throw mfaErrors.no_second_factor();
        return (await clear(caller, held)) ? held.user : null;
      });
    },
  };
}
