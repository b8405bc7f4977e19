import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

/** Id of a secret, 8 hexadecimal digits: everything that is derived or encrypted names its secret by it. */
export type KeyId = string;

export interface Keyring {
  /** The secret for everything new. */
  readonly currentKeyId: KeyId;
  has(keyId: KeyId): boolean;
  /** HMAC-SHA-256 over unambiguously joined parts, under the key of this purpose. Throws `UnknownKey`. */
  mac(purpose: string, parts: readonly (string | Uint8Array)[], keyId?: KeyId): Buffer;
  /** Encrypts with AES-256-GCM; `open` needs the same `context`. The result names its key. */
  seal(purpose: string, plain: Uint8Array, context: string): string;
  /** Decrypts. Throws `UnknownKey`, or `SealBroken` if text, purpose or context differ from those of `seal`. */
  open(purpose: string, sealed: string, context: string): Buffer;
  /** The id of the key that encrypted this. */
  sealedBy(sealed: string): KeyId;
}

/** The named secret is neither `SECRET_KEY` nor `SECRET_KEY_PREVIOUS`. */
export class UnknownKey extends Error {
  override readonly name = 'UnknownKey';
}

/** An encrypted text was altered, or was encrypted for another purpose or context. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken';
}

const SALT = 'ostiary/v1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Keys for every purpose, derived by HKDF-SHA-256 (RFC 5869) from `SECRET_KEY`, and from `SECRET_KEY_PREVIOUS` for older data.
 * A key serves one purpose, so that a MAC or ciphertext of one purpose is invalid for another.
 */
export function createKeyring(secrets: { current: string; previous: string | null }): Keyring {
  const keys = new Map<KeyId, (purpose: string) => Buffer>();
  const currentKeyId = add(secrets.current);
  if (secrets.previous) add(secrets.previous);

  function add(secret: string): KeyId {
    const derived = new Map<string, Buffer>();
    const derive = (purpose: string): Buffer => {
      const known = derived.get(purpose);
      if (known) return known;
      const key = Buffer.from(hkdfSync('sha256', secret, SALT, purpose, 32));
      derived.set(purpose, key);
      return key;
    };
    const keyId = derive('key-id').toString('hex', 0, 4);
    if (!keys.has(keyId)) keys.set(keyId, derive);
    return keyId;
  }

  function keyFor(purpose: string, keyId: KeyId): Buffer {
    const derive = keys.get(keyId);
    if (!derive) throw new UnknownKey('No secret with this id is configured.');
    return derive(purpose);
  }

  return {
    currentKeyId,
    has: (keyId) => keys.has(keyId),

    mac(purpose, parts, keyId = currentKeyId) {
      const hmac = createHmac('sha256', keyFor(`mac:${purpose}`, keyId));
      const length = Buffer.alloc(4);
      for (const part of parts) {
        const bytes = typeof part === 'string' ? Buffer.from(part) : part;
        length.writeUInt32BE(bytes.length);
        hmac.update(length).update(bytes);
      }
      return hmac.digest();
    },

    seal(purpose, plain, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', keyFor(`seal:${purpose}`, currentKeyId), nonce);
      cipher.setAAD(Buffer.from(context));
      const sealed = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
      return `${currentKeyId}.${sealed.toString('base64url')}`;
    },

    open(purpose, sealed, context) {
      const keyId = sealedBy(sealed);
      const key = keyFor(`seal:${purpose}`, keyId);
      const bytes = Buffer.from(sealed.slice(keyId.length + 1), 'base64url');
      if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new SealBroken('The sealed text is too short.');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
      } catch (cause) {
        throw new SealBroken('The sealed text cannot be decrypted.', { cause });
      }
    },

    sealedBy,
  };
}

function sealedBy(sealed: string): KeyId {
  return sealed.slice(0, Math.max(0, sealed.indexOf('.')));
}
