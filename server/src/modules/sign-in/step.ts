import type { Static, TObject, TProperties } from 'typebox';
import type { Caller } from '../../platform/http/caller.ts';
import type { Factors } from '../factors/names.ts';
import type { Proof } from '../sessions/session-store.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { Facts } from './decide.ts';

/** What a page needs to show a step. */
export interface StepView {
  /** Ways to complete the step, the usual one first; `email`: by a mailed code. */
  methods: string[];
  /** Where the person finds the code, masked. */
  hint?: { email: string } | undefined;
  /** Seconds until the code can be mailed again. */
  resendAfter?: number;
  /** Whether the step can be put off, by `later: true`. */
  later?: boolean;
}

/** What a step depends on besides the user, as read in this request. */
export interface StepContext {
  factors: Factors;
  policy: Facts['policy'];
  now: Date;
}

/** The result of a completed step. */
export interface StepDone {
  /** Versions that the step itself has raised, with which the flow continues. A raise by anything else voids the flow. */
  moved?: Pick<UserRecord, 'passwordVersion' | 'sessionEpoch'>;
  /** Proofs that the step has given. */
  proofs: readonly Proof[];
  /** The step was put off, and is not asked for again in this sign-in. */
  later?: true;
  /** Made by the step; the answer of the sign-in shows them, once. */
  recoveryCodes?: readonly string[] | undefined;
}

/** The flow that asks for a step. */
export interface StepFlow extends StepContext {
  /** What a challenge for this step is bound to. */
  id: string;
  /** Id of the session that continues; null if a new one begins. */
  keptSessionId: string | null;
  /** Whether the step would be due if the account had these factors: asked again for the version of them that the step changes. */
  isDueWith(factors: Factors): boolean;
}

/** What a person can ask for before completing a step, such as a code by mail or a challenge. */
export interface StepOption {
  /** For the API document, as in `mail a code`. */
  about: string;
  /** Schema of the answer; null: it is mailed. */
  answer: TObject | null;
  /** Returns the answer; null: it was mailed. Throws `rate_limited`. */
  prepare(caller: Caller, user: UserRecord, flow: StepFlow): Promise<object | null>;
}

/** What a request brought for a step, valid by its schema. A password that came encrypted is plain here. */
export type StepInput<Fields extends TProperties> = Partial<Static<TObject<Fields>>>;

/** How one step is shown, begun and completed. `decide` says when it is due. */
export interface Step<Fields extends TProperties = TProperties> {
  /** Schemas of what it takes, by the names in the request. Steps that share a name share its schema. */
  fields: Fields;
  /** Sets of these fields of which a request must bring one, the usual one first. */
  needs: readonly [readonly string[], ...(readonly string[])[]];
  /** Those that may come encrypted, see `passwordFields`. */
  passwords?: readonly string[];
  /** Codes that completing it can answer with. */
  errors: readonly string[];
  view(user: UserRecord, context: StepContext): StepView;
  /** Called when a sign-in asks for the step, for example to mail a code. */
  begin?(caller: Caller, user: UserRecord): Promise<void>;
  /** By the method of the request. Steps that share a method answer alike. */
  options?: Readonly<Record<string, StepOption>>;
  /** Called with one of the sets of `needs`. Throws `code_invalid` for a wrong proof, which counts as an attempt, and others of `errors`. */
  complete(caller: Caller, user: UserRecord, input: StepInput<Fields>, flow: StepFlow): Promise<StepDone>;
}

/** A step with its input as its schemas say. */
export const defineStep = <const Fields extends TProperties>(step: Step<Fields>): Step => step;
