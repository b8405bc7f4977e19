import { platformErrors } from '../../platform/errors.ts';
import type { Caller, SessionActor } from '../../platform/http/caller.ts';
import { type Factors, holdsSecondFactor } from '../factors/names.ts';
import type { FactorRecords } from '../factors/records.ts';
import type { Guessing } from '../guessing/guessing.ts';
import type { Proof } from '../sessions/session-store.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import type { SignInEngine } from './engine.ts';
import type { NotifyOfTries } from './notice.ts';
import { broughtOf, fieldsOf, type SecondFactor } from './second-factor.ts';

/** What a request brings to prove somebody again. */
export interface BroughtAgain {
  /** Checks the password, and counts the attempt; null: none was brought. */
  password: ((user: UserRecord) => Promise<Proof>) | null;
  /** Fields of second factors. */
  input: Readonly<Record<string, unknown>>;
}

export interface Reauthentication {
  /** The fields that second factors take. */
  fields: ReturnType<typeof fieldsOf>;
  /** Codes that they can be refused with. */
  errors: readonly string[];
  /**
   * Proves the person again within a session, as strongly as the account can; `expiresIn` in seconds. Throws `reauth_required` with what would
   * do, before anything is checked; `invalid_credentials`, `code_invalid`, `rate_limited`, `step_required`.
   */
  prove(
    caller: Caller,
    actor: SessionActor,
    brought: BroughtAgain,
  ): Promise<{ accessToken: string; expiresIn: number }>;
}

/** Creates the proof within a session, by the password and every second factor. */
export function createReauthentication(deps: {
  users: Pick<Users, 'me'>;
  records: Pick<FactorRecords, 'held'>;
  secondFactors: readonly SecondFactor[];
  guessing: Pick<Guessing, 'admitStep'>;
  notifyOfTries: NotifyOfTries;
  signIn: Pick<SignInEngine, 'reauthenticate'>;
}): Reauthentication {
  const { users, records, secondFactors, guessing, notifyOfTries, signIn } = deps;

  /** Every set of proofs that is as strong as the account: the password alone only of one that has nothing else. */
  function waysOf(user: UserRecord, factors: Factors): string[][] {
    const held = secondFactors.filter((factor) => factor.isHeld(factors));
    const whole = held.filter(({ isBoth }) => isBoth).map(({ name }) => [name]);
    if (user.passwordHash === null) return whole;
    if (!holdsSecondFactor(factors)) return [['password'], ...whole];
    return [...whole, ...held.map(({ name }) => ['password', name])];
  }

  /** Attempts are counted for the user, with those of sign-ins. */
  async function proveSecond(
    caller: Caller,
    user: UserRecord,
    factor: SecondFactor,
    factors: Factors,
    input: BroughtAgain['input'],
    bound: { id: string },
  ): Promise<Proof> {
    const attempt = await guessing.admitStep(caller, user.id);
    const own = Object.fromEntries(Object.entries(input).filter(([name]) => Object.hasOwn(factor.fields, name)));
    const proof = await factor.prove(caller, user, factors, own, bound).catch(async (error: { code?: unknown }) => {
      if (error.code !== 'code_invalid') await attempt.undone();
      else {
        await attempt.failed();
        await notifyOfTries(caller, user, attempt.tries);
      }
      throw error;
    });
    await attempt.passed();
    return proof;
  }

  return {
    fields: fieldsOf(secondFactors),
    errors: ['code_invalid', ...secondFactors.flatMap(({ errors }) => errors)],

    async prove(caller, actor, { password, input }) {
      const user = await users.me(actor);
      const factors = await records.held(user);
      const second = broughtOf(secondFactors, input);
      const names = [...(password ? ['password'] : []), ...(second ? [second.name] : [])];
      const ways = waysOf(user, factors);
      const isEnough = ways.some((way) => way.every((name) => names.includes(name)));
      // Before anything is checked: nobody learns here whether half of it is right.
      if (!isEnough) throw platformErrors.reauth_required({ members: { accept: ways } });
      const proofs: Proof[] = [];
      if (password) proofs.push(await password(user));
      if (second?.isHeld(factors)) {
        proofs.push(await proveSecond(caller, user, second, factors, input, { id: actor.sessionId }));
      }
      return signIn.reauthenticate(caller, actor, proofs);
    },
  };
}
