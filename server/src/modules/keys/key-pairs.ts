import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { type Keyring, SealBroken } from '../../platform/crypto/keyring.ts';
import type { KeyAlgorithm, KeyRecord } from './key-store.ts';

const generate = promisify(generateKeyPair);

/**
 * NIST SP 800-57, part 1: 112 and 128 bits of strength. A forged signature is useful only while its key is valid, and signatures are made
 * on the event loop; a ciphertext may be recorded and broken years later, and is decrypted off the loop.
 */
const MODULUS_BITS = { RS256: 2048, 'RSA-OAEP-256': 3072 };
const SEAL_PURPOSE = 'signing-key';

/** A new pair, made off the event loop: RSA takes a fraction of a second. */
export function newKeyPair(algorithm: KeyAlgorithm): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  switch (algorithm) {
    case 'EdDSA':
      return generate('ed25519');
    case 'ES256':
      return generate('ec', { namedCurve: 'P-256' });
    case 'RS256':
    case 'RSA-OAEP-256':
      return generate('rsa', { modulusLength: MODULUS_BITS[algorithm] });
  }
}

type Sealed = Pick<KeyRecord, 'id' | 'sealedPrivateKey'>;

export function sealPrivateKey(keyring: Keyring, id: string, privateKey: KeyObject): string {
  return keyring.seal(SEAL_PURPOSE, privateKey.export({ format: 'der', type: 'pkcs8' }), id);
}

/** Null if it was altered, or encrypted with a `SECRET_KEY` that is not configured here. */
export function openPrivateKey(keyring: Keyring, sealed: Sealed): KeyObject | null {
  const key = open(keyring, sealed);
  return key && createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

function open(keyring: Keyring, { id, sealedPrivateKey }: Sealed): Buffer | null {
  if (!keyring.has(keyring.sealedBy(sealedPrivateKey))) return null;
  try {
    return keyring.open(SEAL_PURPOSE, sealedPrivateKey, id);
  } catch (error) {
    if (error instanceof SealBroken) return null;
    throw error;
  }
}

/** The same key, encrypted with the present `SECRET_KEY`; null if it already is, or cannot be decrypted. */
export function resealed(keyring: Keyring, sealed: Sealed): string | null {
  if (keyring.sealedBy(sealed.sealedPrivateKey) === keyring.currentKeyId) return null;
  const key = open(keyring, sealed);
  return key && keyring.seal(SEAL_PURPOSE, key, sealed.id);
}
