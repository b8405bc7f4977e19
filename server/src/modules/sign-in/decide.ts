import type { Assurance } from '../../platform/http/caller.ts';
import type { Proof } from '../sessions/session-store.ts';
import type { UserRecord } from '../users/user-store.ts';

/** Everything that a sign-in is decided by, read anew each time. */
export interface Facts {
  account: Pick<UserRecord, 'status' | 'emailVerified' | 'mustChangePassword'>;
  /** What was proved in this very sign-in, or in the session that is to go on. */
  proofs: readonly Proof[];
  policy: {
    /** Whether an account needs a proved address. */
    verifyEmail: boolean;
  };
}

export type StepName = 'verify_email' | 'change_password';

/** `refuse`: nobody may be signed in on these facts. `step`: not before this is done. */
export type Verdict = { kind: 'refuse' } | { kind: 'step'; step: StepName } | { kind: 'done'; aal: Assurance['aal'] };

/**
 * The steps and when each is asked, in this order: first who it is; then nothing that changes the account before every factor that it
 * has is proved.
 */
const STEPS: readonly { name: StepName; isDue(facts: Facts): boolean }[] = [
  {
    name: 'verify_email',
    isDue: ({ account, policy }) => policy.verifyEmail && !account.emailVerified,
  },
  {
    name: 'change_password',
    // Who came in by another way has not used the temporary password, and need not know it.
    isDue: ({ account, proofs }) => account.mustChangePassword && proofs.some(({ method }) => method === 'password'),
  },
];

/** What follows a first factor, for every way in. A pure function: the same facts give the same verdict. */
export function decide(facts: Facts): Verdict {
  if (facts.account.status !== 'active' || facts.proofs.length === 0) return { kind: 'refuse' };
  const step = STEPS.find(({ isDue }) => isDue(facts));
  // A mailed code never counts beside a password, which mail can reset: both together are one factor.
  return step ? { kind: 'step', step: step.name } : { kind: 'done', aal: 1 };
}
