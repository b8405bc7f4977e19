import type { Caller } from '../../platform/http/caller.ts';
import type { Proof } from '../sessions/session-store.ts';
import type { UserRecord } from '../users/user-store.ts';

/** What a client sends to complete a step. Each step reads its own field. */
export interface StepInput {
  code?: string | undefined;
  newPassword?: string | undefined;
}

/** What a page needs to show a step. */
export interface StepView {
  /** Ways to complete the step, the usual one first; `email`: by a mailed code. */
  methods: string[];
  /** Where the person finds the code, masked. */
  hint?: { email: string } | undefined;
  /** Seconds until the code can be mailed again. */
  resendAfter?: number;
}

/** The result of a completed step. */
export interface StepDone {
  /** Versions that the step itself has raised, with which the flow continues. A raise by anything else voids the flow. */
  moved?: Pick<UserRecord, 'passwordVersion' | 'sessionEpoch'>;
  /** Proofs that the step has given. */
  proofs: readonly Proof[];
}

/** How one step is shown, begun and completed. `decide` says when it is due. */
export interface Step {
  /** The field of the request that completes it. */
  field: keyof StepInput;
  view(user: UserRecord): StepView;
  /** Called when a sign-in asks for the step, for example to mail a code. */
  begin?(caller: Caller, user: UserRecord): Promise<void>;
  /** Mails the code again. Throws `rate_limited`. */
  mail?(caller: Caller, user: UserRecord): Promise<void>;
  /** `keep`: id of the session that continues, if any. Throws `code_invalid`, `token_invalid`, `password_…`. */
  complete(caller: Caller, user: UserRecord, value: string, keep: string | null): Promise<StepDone>;
}
