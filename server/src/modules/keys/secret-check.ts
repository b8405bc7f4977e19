import type { Clock } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { sameSecret } from '../../platform/crypto/one-time.ts';
import type { SecretCheckStore } from './secret-check-store.ts';

/** This instance's `SECRET_KEY` is not the one that the database was made with. */
export class WrongSecretKey extends Error {
  override readonly name = 'WrongSecretKey';
}

/**
 * Refuses a `SECRET_KEY` that this database does not know: nothing that it sealed or derived would work, and what would be made under the
 * wrong key would be lost. The first key is taken as it comes; a new one only together with the known one as `SECRET_KEY_PREVIOUS`.
 * Throws `WrongSecretKey`.
 */
export async function checkSecretKey(deps: { store: SecretCheckStore; keyring: Keyring; clock: Clock }): Promise<void> {
  const { store, keyring, clock } = deps;
  const checkOf = (keyId: string) => keyring.mac('secret-check', [keyId], keyId).toString('base64url');
  const mine = { keyId: keyring.currentKeyId, value: checkOf(keyring.currentKeyId), createdAt: clock() };
  const isKnown = ({ keyId, value }: { keyId: string; value: string }) =>
    keyring.has(keyId) && sameSecret(value, checkOf(keyId));

  for (;;) {
    const known = await store.list();
    if (known.some((check) => check.keyId === mine.keyId && isKnown(check))) return;
    const isTwin = known.some((check) => check.keyId === mine.keyId);
    if (isTwin || (known.length > 0 && !known.some(isKnown))) {
      throw new WrongSecretKey(
        'SECRET_KEY is not the one that this database was made with. Give that one, or give it as SECRET_KEY_PREVIOUS beside the new one.',
      );
    }
    if (await store.add(mine, known.length === 0 ? 'first' : 'next')) return;
  }
}
