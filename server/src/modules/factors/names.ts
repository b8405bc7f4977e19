import { platformErrors } from '../../platform/errors.ts';
import type { SessionActor } from '../../platform/http/caller.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { FactorsRecord } from './factor-store.ts';

/** What a user has beside the password. */
export type Factors = Pick<FactorsRecord, 'passkeys' | 'totp' | 'recovery' | 'trusted' | 'resetAt'>;

const NONE: Factors = { passkeys: [], totp: [], recovery: null, trusted: [], resetAt: null };

/**
 * The factors of a user that count: none of a record of an older credential epoch. Every reader of a record goes through this. One of a later
 * epoch counts: the user was read before the epoch was raised, and must not get in without what there is now.
 */
export function factorsOf(user: Pick<UserRecord, 'id' | 'credentialEpoch'>, record: FactorsRecord | null): Factors {
  if (record === null || record.userId !== user.id) return NONE;
  return record.credentialEpoch < user.credentialEpoch ? NONE : record;
}

/** Whether one of them keeps an imitating page out. */
export const holdsPasskey = ({ passkeys }: Pick<Factors, 'passkeys'>): boolean => passkeys.length > 0;

/** Whether they hold a factor beside the password. Recovery codes are none: they only stand in for one. */
export function holdsSecondFactor({ passkeys, totp }: Pick<Factors, 'passkeys' | 'totp'>): boolean {
  return passkeys.length > 0 || totp.length > 0;
}

/**
 * Throws `reauth_required` for a session that proved less than the account has: one that began before the second factor was added must not
 * remove it.
 */
export function demandAsStrong(actor: Pick<SessionActor, 'assurance'>, factors: Factors): void {
  if (actor.assurance.aal < 2 && holdsSecondFactor(factors)) throw platformErrors.reauth_required();
}
