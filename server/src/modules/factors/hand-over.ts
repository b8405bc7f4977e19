import type { UserRecord } from '../users/user-store.ts';
import { holdsSecondFactor } from './names.ts';
import type { FactorRecords } from './records.ts';

/** Whether the first proof of the mailbox hands an account over, with nothing of what somebody else may have given it (decision 62). */
export type HandsOver = (user: UserRecord) => Promise<boolean>;

/**
 * Where addresses must be verified, an account with a second factor has shown its address before, and an administrator has changed it since:
 * whoever reads the new mailbox gets past no factor.
 */
export function createHandsOver(deps: {
  records: Pick<FactorRecords, 'held'>;
  verificationRequired: boolean;
}): HandsOver {
  const { records, verificationRequired } = deps;
  return async (user) => {
    if (user.emailVerified) return false;
    return !verificationRequired || !holdsSecondFactor(await records.held(user));
  };
}
