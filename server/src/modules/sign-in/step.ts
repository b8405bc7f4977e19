import type { Caller } from '../../platform/http/caller.ts';
import type { Proof } from '../sessions/session-store.ts';
import type { UserRecord } from '../users/user-store.ts';

/** What a client may bring to complete a step; each step reads its own field. */
export interface StepInput {
  code?: string | undefined;
  newPassword?: string | undefined;
}

/** What a page needs to know of a step. */
export interface StepView {
  /** Ways to get or show what completes it, `email` for a mailed code; the first one is what most people use. */
  methods: string[];
  /** Where to look, without what a stranger could use. */
  hint?: { email: string } | undefined;
  /** Seconds until it can be mailed again. */
  resendAfter?: number;
}

/** What a completed step has changed. */
export interface StepDone {
  /** What the step itself has moved on of the account, and the flow goes on with; what others move voids it. */
  moved?: Pick<UserRecord, 'passwordVersion' | 'sessionEpoch'>;
  /** What was proved by it, if anything. */
  proofs: readonly Proof[];
}

/** One step: how it is shown, begun and completed. When it is asked for is for `decide` to say. */
export interface Step {
  /** The field that completes it. */
  field: keyof StepInput;
  view(user: UserRecord): StepView;
  /** What happens as a sign-in asks for it, such as mailing a code. */
  begin?(caller: Caller, user: UserRecord): Promise<void>;
  /** Mails again. Throws `rate_limited`. */
  mail?(caller: Caller, user: UserRecord): Promise<void>;
  /** `keep`: the session that is to go on, where one asks for it. Throws `code_invalid`, `token_invalid`, `password_…`. */
  complete(caller: Caller, user: UserRecord, value: string, keep: string | null): Promise<StepDone>;
}
