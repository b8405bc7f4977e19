import type { PasswordHasher } from '../../platform/crypto/password-hasher.ts';
import type { Attempt } from '../guessing/guessing.ts';
import type { UserRecord } from '../users/user-store.ts';
import { authErrors } from './errors.ts';

/**
 * Checks a password against the user's, and settles the attempt unless it is right: then the caller does, by `attempt.passed()`. For an unknown
 * user (null) it takes the same time. Throws `invalid_credentials`, and what `verify` throws.
 */
export async function provePassword(
  attempt: Attempt,
  hasher: PasswordHasher,
  password: string,
  user: UserRecord | null,
): Promise<{ upgrade: boolean }> {
  let verdict: Awaited<ReturnType<PasswordHasher['verify']>>;
  try {
    verdict = await hasher.verify(password, user?.passwordHash ?? null);
  } catch (error) {
    await attempt.undone();
    throw error;
  }
  if (!verdict.ok || !user) {
    await attempt.failed();
    throw authErrors.invalid_credentials();
  }
  return verdict;
}
