/** A stored password hash that was parsed and is affordable to compute. */
export interface StoredHash {
  /** Computes the hash of these bytes, off the event loop, and compares in constant time. */
  matches(password: Uint8Array): Promise<boolean>;
}

/** Parses one family of formats. Null: another family, malformed, too weak to compare or too expensive to compute. */
export type HashReader = (stored: string) => StoredHash | null;

/**
 * Shorter digests are refused: an empty one would match every password, and a few bytes could be found by guessing.
 * The shortest in use is Django's early argon2 (16 bytes).
 */
export const MIN_DIGEST_BYTES = 16;

/** Characters; no supported format is longer. Bounds the work of the parsers. */
export const MAX_STORED_LENGTH = 512;
