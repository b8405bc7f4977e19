import { isUtf8 } from 'node:buffer';
import type { KeyObject } from 'node:crypto';
import { decodeBase64url } from '../../platform/crypto/base64url.ts';

/** A compact JWE (RFC 7516, 7.1) of the one accepted kind; its header is authentic only after decryption. */
export interface Jwe {
  compact: string;
  kid: string;
  nonce: string;
}

export const ALGORITHM = 'RSA-OAEP-256';
const ENCRYPTION = 'A256GCM';
const MEMBERS = ['alg', 'enc', 'kid', 'nonce'];
/** Bytes; the key is as long as the modulus. */
const LONGEST_KEY = 512;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Parses a JWE without decryption, at negligible cost. Null for anything but RSA-OAEP-256 with A256GCM in canonical
 * spelling: a header with additional members (`zip`, `crit`, `p2c`, a key of the sender) is refused.
 */
export function readJwe(compact: string): Jwe | null {
  const parts = compact.split('.', 6);
  const [header, key, iv, ciphertext, tag] = parts.map(decodeBase64url);
  if (parts.length !== 5 || !header || !key || !iv || !ciphertext || !tag) return null;
  if (key.length > LONGEST_KEY) return null;
  if (iv.length !== IV_BYTES || tag.length !== TAG_BYTES) return null;
  const members = readHeader(header);
  if (members?.alg !== ALGORITHM || members.enc !== ENCRYPTION) return null;
  const { kid, nonce } = members;
  if (typeof kid !== 'string' || typeof nonce !== 'string') return null;
  return { compact, kid, nonce };
}

function readHeader(bytes: Buffer): Record<string, unknown> | null {
  if (!isUtf8(bytes)) return null;
  try {
    const members: unknown = JSON.parse(bytes.toString());
    if (typeof members !== 'object' || members === null) return null;
    const isOurs = Object.keys(members).sort().join() === MEMBERS.join();
    return isOurs ? (members as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/**
 * The plaintext; null if it cannot be decrypted with this key or is not UTF-8. Runs off the event loop. A wrong key and a broken ciphertext
 * take the same path (RFC 7516, 11.5), so that attempts do not reveal which it was.
 */
export async function openJwe({ compact }: Jwe, privateKey: KeyObject): Promise<string | null> {
  // Loaded at the first use: most processes never need it.
  const { compactDecrypt, errors } = await import('jose');
  try {
    const { plaintext } = await compactDecrypt(compact, privateKey, {
      keyManagementAlgorithms: [ALGORITHM],
      contentEncryptionAlgorithms: [ENCRYPTION],
    });
    return isUtf8(plaintext) ? Buffer.from(plaintext).toString() : null;
  } catch (error) {
    if (error instanceof errors.JOSEError) return null;
    throw error;
  }
}
