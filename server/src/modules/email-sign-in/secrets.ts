import { formatIdToken, parseIdToken } from '../../platform/crypto/id-token.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { deriveCode, deriveToken, isCode, sameCode, sameSecret } from '../../platform/crypto/one-time.ts';
import type { ChallengeRecord } from '../auth/challenge-store.ts';
import type { UserRecord } from '../users/user-store.ts';

/** 10^8 codes: with three tries each and twenty wrong ones a day, somebody who guesses all year has a chance of 0.007 %. */
export const CODE_DIGITS = 8;
/** Tries of one code, right or wrong. */
export const CODE_TRIES = 3;

const PURPOSE = 'email_sign_in';

/** What the mail of a sign-in holds: a code to type, and the token of a link. */
export interface SignInSecret {
  code: string;
  token: string;
}

/** Either of them, as it comes back. */
export type SignInProof = { code: string } | { token: string };

export const isSignInCode = (typed: string): boolean => isCode(typed, CODE_DIGITS);

/**
 * The secret of a challenge for whoever has its address now (null: nobody yet), derived again each time; null if its key is gone. A new
 * password or epoch of the account voids it: what was mailed before must not sign in after a reset or a sign-out everywhere.
 */
export function signInSecret(
  keyring: Keyring,
  { id, keyId, emailNorm }: Pick<ChallengeRecord, 'id' | 'keyId' | 'emailNorm'>,
  user: UserRecord | null,
): SignInSecret | null {
  if (!keyring.has(keyId)) return null;
  const { id: userId = '', passwordVersion = 0, sessionEpoch = 0, credentialEpoch = 0 } = user ?? {};
  const subject = [emailNorm, userId, passwordVersion, sessionEpoch, credentialEpoch].join(' ');
  const secret = { purpose: PURPOSE, id, subject, keyId };
  return { code: deriveCode(keyring, secret, CODE_DIGITS), token: formatIdToken(id, deriveToken(keyring, secret)) };
}

/** Compares in constant time. */
export function isProofOf(secret: SignInSecret, proof: SignInProof): boolean {
  return 'code' in proof ? sameCode(proof.code, secret.code) : sameSecret(proof.token, secret.token);
}

/** The challenge that the token of a link names, or null. */
export const challengeIn = (token: string): string | null => parseIdToken(token)?.id ?? null;
