import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

/** Everything that is derived or sealed names the secret it came from by this: 8 hexadecimal digits. */
export type KeyId = string;

export interface Keyring {
  /** The secret that new things are made with. */
  readonly currentKeyId: KeyId;
  has(keyId: KeyId): boolean;
  /** HMAC-SHA-256 over unambiguously joined parts, under a key of this purpose. Throws `UnknownKey`. */
  mac(purpose: string, parts: readonly (string | Uint8Array)[], keyId?: KeyId): Buffer;
  /** AES-256-GCM; `context` must be given again to open it. The result names its key. */
  seal(purpose: string, plain: Uint8Array, context: string): string;
  /** Throws `UnknownKey`, or `SealBroken` where text, purpose or context are not those that were sealed. */
  open(purpose: string, sealed: string, context: string): Buffer;
  /** Which key sealed this. */
  sealedBy(sealed: string): KeyId;
}

/** Something names a secret that is neither `SECRET_KEY` nor `SECRET_KEY_PREVIOUS`. */
export class UnknownKey extends Error {
  override readonly name = 'UnknownKey';
}

/** A sealed text was altered, or belongs elsewhere. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken';
}

const SALT = 'ostiary/v1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Keys for every purpose, derived from `SECRET_KEY` by HKDF-SHA-256 (RFC 5869), and from `SECRET_KEY_PREVIOUS` for what is older.
 * A key serves one purpose only, so that nothing made for one place is good in another.
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
        throw new SealBroken('The sealed text does not open here.', { cause });
      }
    },

    sealedBy,
  };
}

function sealedBy(sealed: string): KeyId {
  return sealed.slice(0, Math.max(0, sealed.indexOf('.')));
}
