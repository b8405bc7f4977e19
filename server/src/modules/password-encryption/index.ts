import type { Clock } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { Part } from '../../platform/http/part.ts';
import type { EncryptionKeys } from '../keys/encryption-keys.ts';
import type { Periodic } from '../schedules/periodic.ts';
import { registerNoncePurge } from './jobs.ts';
import type { NonceStore } from './nonce-store.ts';
import { createNonces } from './nonces.ts';
import { createPasswordDecryptor, type PasswordDecryptor } from './password-decryptor.ts';
import { encryptionRoutes } from './routes.ts';

/** Passwords that travel encrypted: `createPasswordEncryption({ ...ground, store: storage.nonces, keys: keys.encryption, periodic })`. */
export function createPasswordEncryption(deps: {
  store: NonceStore;
  keys: EncryptionKeys;
  keyring: Keyring;
  periodic: Periodic;
  /** Milliseconds that a request may wait for the decryption of its password. */
  longestWait?: number | undefined;
  clock: Clock;
}): { decryptor: PasswordDecryptor; part: Part } {
  const { store, keys, longestWait } = deps;
  const nonces = createNonces(deps);
  registerNoncePurge(deps);
  return {
    decryptor: createPasswordDecryptor({ nonces, store, keys, longestWait }),
    part: { routes: [encryptionRoutes({ keys, nonces })] },
  };
}
