import type { Assurance } from '../../platform/http/caller.ts';
import { METHODS } from '../sessions/names.ts';
import type { Proof } from '../sessions/session-store.ts';
import type { UserRecord } from '../users/user-store.ts';
import { type Assured, assuranceOf } from './assurance.ts';

/** Everything that decides a sign-in, read again each time. */
export interface Facts {
  account: Pick<UserRecord, 'status' | 'emailVerified' | 'mustChangePassword'> & {
    /** What all factors of the account reach together: a weaker proof is never fresh. */
    heldAal: Assurance['aal'];
  };
  /** Proofs given in this sign-in, or in the session that continues. */
  proofs: readonly Proof[];
  /** `authTime` of the session that continues; null for a new one. */
  since: Date | null;
  policy: {
    /** Whether an account needs a verified address. */
    verifyEmail: boolean;
  };
}

/** When each step is due, and what completes it; in the order of asking: proofs first; then, once all were given, what changes the account. */
const STEPS = {
  verify_email: {
    send: '`code`, which was mailed',
    isDue: ({ account, policy }: Facts) => policy.verifyEmail && !account.emailVerified,
  },
  change_password: {
    send: '`newPassword`',
    // After another way in, the temporary password was not used and need not be known.
    isDue: ({ account, proofs }: Facts) =>
      account.mustChangePassword && proofs.some(({ method }) => method === 'password'),
  },
};

export type StepName = keyof typeof STEPS;
export const STEP_NAMES = Object.keys(STEPS) as StepName[];

/** For the API document: what to send at each step. */
export const WHAT_STEPS_TAKE = STEP_NAMES.map((name) => `\`${name}\`: send ${STEPS[name].send}`).join('; ');

/** `refuse`: no sign-in on these facts. `step`: this step comes first. `done`: the sign-in is complete. */
export type Verdict = { kind: 'refuse' } | { kind: 'step'; step: StepName } | ({ kind: 'done' } & Assured);

/** Decides what follows a first factor, for every way to sign in: `decide({ account, proofs, since: null, policy })`. Pure. */
export function decide(facts: Facts): Verdict {
  const { account, proofs, since } = facts;
  const assured = assuranceOf(METHODS, { proofs, since, heldAal: account.heldAal });
  if (account.status !== 'active' || assured === null) return { kind: 'refuse' };
  const step = STEP_NAMES.find((name) => STEPS[name].isDue(facts));
  return step ? { kind: 'step', step } : { kind: 'done', ...assured };
}
