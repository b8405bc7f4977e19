import type { TProperties } from 'typebox';
import type { Caller } from '../../platform/http/caller.ts';
import type { Factors } from '../factors/names.ts';
import type { Proof } from '../sessions/session-store.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { StepDone, StepFlow, StepInput, StepOption } from './step.ts';

/** How a factor is added as a step of a sign-in that must have one. */
export interface FactorEnrolment<Fields extends TProperties = TProperties> {
  fields: Fields;
  /** Those that a request must bring. */
  needs: readonly string[];
  errors: readonly string[];
  /** Gives what the person needs to begin, such as a secret. */
  option: StepOption;
  /**
   * Stores the factor, on a version of the factors with which the step is still due (`flow.isDueWith`; otherwise throws `token_invalid`).
   * Throws `code_invalid`, which counts as an attempt, and others of `errors`.
   */
  complete(caller: Caller, user: UserRecord, input: StepInput<Fields>, flow: StepFlow): Promise<StepDone>;
}

/** A factor beside the first one: `createSignIn({ secondFactors: [totp, recoveryCode, passkey] })`. */
export interface SecondFactor<Fields extends TProperties = TProperties> {
  /** What `methods` and `accept` call it. */
  name: string;
  /** Whether a page that imitates this server gains nothing from it. */
  phishingResistant: boolean;
  /** It stands in for a factor that was lost. */
  standsIn?: true;
  /** It is both factors in one, and needs no password beside it. */
  isBoth?: true;
  /** Schemas of what a request brings. Factors and steps that share a name share its schema. */
  fields: Fields;
  /** Those that a request must bring. */
  needs: readonly string[];
  /** Codes that it can be refused with, besides `code_invalid`. */
  errors: readonly string[];
  /** What a person can ask for in a step first, such as a challenge. */
  option?: StepOption;
  isHeld(factors: Factors): boolean;
  /**
   * Checks it, and uses it up. `bound`: what a challenge is for, a flow or a session. Attempts are counted by the caller, before. Throws
   * `code_invalid`, which counts as an attempt, and others of `errors`.
   */
  prove(
    caller: Caller,
    user: UserRecord,
    factors: Factors,
    input: StepInput<Fields>,
    bound: { id: string },
  ): Promise<Proof>;
  /** Without it, it cannot be added in a sign-in. */
  enrolment?: FactorEnrolment;
}

/** The first of several ways of which a request brings all fields. */
export function broughtOf<Way extends { needs: readonly string[] }>(
  ways: readonly Way[],
  input: Readonly<Record<string, unknown>>,
): Way | undefined {
  return ways.find(({ needs }) => needs.every((name) => input[name] !== undefined));
}

/** Fields of several, by their names. */
export function fieldsOf(parts: readonly { fields: TProperties }[]): TProperties {
  return Object.assign({}, ...parts.map(({ fields }) => fields));
}
