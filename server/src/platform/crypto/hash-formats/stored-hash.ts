/** A stored password hash that was understood and is affordable: all that is left to do is to compute it. */
export interface StoredHash {
  /** Computes the hash of exactly these bytes, off the event loop, and compares in constant time. */
  matches(password: Uint8Array): Promise<boolean>;
}

/** Reads one family of formats. Null: another family's, malformed, too weak to compare or too expensive to compute. */
export type HashReader = (stored: string) => StoredHash | null;

/**
 * Digests shorter than this are refused: an empty one would equal every password's, a few bytes could be found by guessing.
 * The shortest in use is Django's early argon2 (16 bytes).
 */
export const MIN_DIGEST_BYTES = 16;

/** Nothing that any supported format makes is longer; keeps the parsers' work small. Characters. */
export const MAX_STORED_LENGTH = 512;
