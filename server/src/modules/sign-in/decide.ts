import type { Assurance } from '../../platform/http/caller.ts';
import type { Proof } from '../sessions/session-store.ts';
import type { UserRecord } from '../users/user-store.ts';

/** Everything that decides a sign-in, read again each time. */
export interface Facts {
  account: Pick<UserRecord, 'status' | 'emailVerified' | 'mustChangePassword'>;
  /** Proofs given in this sign-in, or in the session that continues. */
  proofs: readonly Proof[];
  policy: {
    /** Whether an account needs a verified address. */
    verifyEmail: boolean;
  };
}

/** Every step, in the order of asking: proofs first; then, once all were given, what changes the account. */
export const STEP_NAMES = ['verify_email', 'change_password'] as const;
export type StepName = (typeof STEP_NAMES)[number];

/** `refuse`: no sign-in on these facts. `step`: this step comes first. `done`: the sign-in is complete. */
export type Verdict = { kind: 'refuse' } | { kind: 'step'; step: StepName } | { kind: 'done'; aal: Assurance['aal'] };

/** When each step is due. */
const IS_DUE: Record<StepName, (facts: Facts) => boolean> = {
  verify_email: ({ account, policy }) => policy.verifyEmail && !account.emailVerified,
  // After another way in, the temporary password was not used and need not be known.
  change_password: ({ account, proofs }) =>
    account.mustChangePassword && proofs.some(({ method }) => method === 'password'),
};

/** Decides what follows a first factor, for every way to sign in: `decide({ account, proofs, policy })`. Pure. */
export function decide(facts: Facts): Verdict {
  if (facts.account.status !== 'active' || facts.proofs.length === 0) return { kind: 'refuse' };
  const step = STEP_NAMES.find((name) => IS_DUE[name](facts));
  // Password and mailed code together are one factor, because mail can reset the password.
  return step ? { kind: 'step', step } : { kind: 'done', aal: 1 };
}
