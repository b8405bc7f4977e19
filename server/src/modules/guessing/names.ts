import type { KeyedHash } from '../../platform/crypto/keyed-hash.ts';

/** Of 43 characters: one of 16 million, 24 bits. Enough to count by, useless to guess from. */
const LENGTH = 4;

/** What stands for a password where tries of it are counted for some minutes, so that the counting never sees the password itself. */
export function passwordFingerprint(keyedHash: KeyedHash, password: string): string {
  return keyedHash(`password ${password.normalize('NFKC')}`).slice(0, LENGTH);
}
