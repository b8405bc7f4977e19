import { createHmac, createSecretKey } from 'node:crypto';

/**
 * What stands for a text where things are only counted: the same for the same text, and of no use to whoever reads it without the key.
 * 43 characters.
 */
export type KeyedHash = (text: string) => string;

/** HMAC-SHA-256 (RFC 2104) in base64url. */
export function createKeyedHash(key: Uint8Array): KeyedHash {
  // Made once: half the time of a MAC is to take up its key.
  const secret = createSecretKey(key);
  return (text) => createHmac('sha256', secret).update(text).digest('base64url');
}
