import type { Assurance } from '../../platform/http/caller.ts';
import { isPhishingResistant, METHODS } from '../sessions/names.ts';
import type { Proof } from '../sessions/session-store.ts';
import type { UserRecord } from '../users/user-store.ts';
import { type Assured, assuranceOf } from './assurance.ts';

/** What a policy asks of an account beside the first factor. */
export type MfaDemand = 'off' | 'required' | 'phishing_resistant';

/** What the roles of a user and the settings ask, and what this browser is spared. */
export interface MfaPolicy {
  /** The strictest of all that apply. */
  mfa: MfaDemand;
  /** Until then a sign-in may put the enrolment off; null: it may not. */
  mfaGraceUntil: Date | null;
  /** Whether the browser is a trusted device of the user, so that the second factor is not asked for again. */
  trusted: boolean;
  /** What demands it, such as `role:admin`; only shown. */
  requiredBy: readonly string[];
}

/** Everything that decides a sign-in, read again each time. */
export interface Facts {
  account: Pick<UserRecord, 'status' | 'emailVerified' | 'mustChangePassword'> & {
    /** What all factors of the account reach together: a weaker proof is never fresh. */
    heldAal: Assurance['aal'];
    /** Whether one of its factors keeps an imitating page out. */
    heldPhishingResistant: boolean;
  };
  /** Proofs given in this sign-in, or in the session that continues. */
  proofs: readonly Proof[];
  /** `authTime` of the session that continues; null for a new one. */
  since: Date | null;
  policy: {
    /** Whether an account needs a verified address. */
    verifyEmail: boolean;
  } & Pick<MfaPolicy, 'mfa' | 'mfaGraceUntil'>;
  trusted: boolean;
  /** The enrolment was put off in this sign-in. */
  later: boolean;
  now: Date;
}

/** Whether the policy lets the enrolment wait. A session that continues was asked when it began. */
export function mayWait({ policy: { mfaGraceUntil }, now }: Pick<Facts, 'policy' | 'now'>): boolean {
  return mfaGraceUntil !== null && now < mfaGraceUntil;
}

const changesPassword = ({ account, proofs }: Facts): boolean =>
  account.mustChangePassword && proofs.some(({ method }) => method === 'password');

function lacksFactor({ account, policy }: Facts): boolean {
  if (policy.mfa === 'off') return false;
  return policy.mfa === 'required' ? account.heldAal < 2 : !account.heldPhishingResistant;
}

const enrols = (facts: Facts): boolean =>
  lacksFactor(facts) && !(mayWait(facts) && (facts.later || facts.since !== null));

/** Whether the proofs are below what the account has and the policy asks for. A recovery code stands in for a factor that was lost. */
function isBelow({ account, proofs, policy }: Facts): boolean {
  const aal = assuranceOf(METHODS, { proofs, since: null, heldAal: 1 })?.aal ?? 0;
  if (aal < account.heldAal) return true;
  const methods = proofs.map(({ method }) => method);
  const demandsKey = policy.mfa === 'phishing_resistant' && account.heldPhishingResistant;
  return demandsKey && !isPhishingResistant(methods) && !methods.includes('recovery_code');
}

/** When each step is due, and what completes it; in the order of asking: proofs first; then, once all were given, what changes the account. */
const STEPS = {
  mfa: {
    send: '`code` of an authenticator app, or `recoveryCode`',
    // Nothing changes an account before every factor that it has was proved: there, a trusted device is asked, too.
    isDue: (facts: Facts) => isBelow(facts) && !(facts.trusted && !changesPassword(facts) && !enrols(facts)),
  },
  verify_email: {
    send: '`code`, which was mailed',
    isDue: ({ account, policy }: Facts) => policy.verifyEmail && !account.emailVerified,
  },
  change_password: {
    send: '`newPassword`',
    // After another way in, the temporary password was not used and need not be known.
    isDue: changesPassword,
  },
  enroll_mfa: {
    send: '`enrollToken` of `POST /api/v1/auth/flow/options` and `code`, or, where the answer has `later`, `later: true`',
    isDue: enrols,
  },
};

export type StepName = keyof typeof STEPS;
export const STEP_NAMES = Object.keys(STEPS) as StepName[];

/** For the API document: what to send at each step. */
export const WHAT_STEPS_TAKE = STEP_NAMES.map((name) => `\`${name}\`: send ${STEPS[name].send}`).join('; ');

/** `refuse`: no sign-in on these facts. `step`: this step comes first. `done`: the sign-in is complete. */
export type Verdict = { kind: 'refuse' } | { kind: 'step'; step: StepName } | ({ kind: 'done' } & Assured);

/** Decides what follows a first factor, for every way to sign in: `decide({ account, proofs, since: null, policy, … })`. Pure. */
export function decide(facts: Facts): Verdict {
  const { account, proofs, since } = facts;
  const assured = assuranceOf(METHODS, { proofs, since, heldAal: account.heldAal });
  if (account.status !== 'active' || assured === null) return { kind: 'refuse' };
  const step = STEP_NAMES.find((name) => STEPS[name].isDue(facts));
  return step ? { kind: 'step', step } : { kind: 'done', ...assured };
}
