import type { Clock } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { sameSecret } from '../../platform/crypto/one-time.ts';
import type { SecretCheck, SecretCheckStore } from './secret-check-store.ts';

/** This instance's `SECRET_KEY` is not the one of the database. */
export class WrongSecretKey extends Error {
  override readonly name = 'WrongSecretKey';
}

const HASH_KEY = 'mask-key';

/**
 * Refuses a `SECRET_KEY` that this database does not know: existing ciphertexts and derived secrets would be unusable, and new ones would be
 * lost. The first key is accepted; a new one only together with a known one as `SECRET_KEY_PREVIOUS`.
 * Returns the key of `KeyedHash`, which each secret passes on to the next, so that counts continue through every change, also on
 * instances with different secrets meanwhile. Throws `WrongSecretKey`.
 */
export async function checkSecretKey(deps: {
  store: SecretCheckStore;
  keyring: Keyring;
  clock: Clock;
}): Promise<Buffer> {
  const { store, keyring, clock } = deps;
  const checkOf = (keyId: string) => keyring.mac('secret-check', [keyId], keyId).toString('base64url');
  const mine = keyring.currentKeyId;
  const isKnown = ({ keyId, value }: SecretCheck) => keyring.has(keyId) && sameSecret(value, checkOf(keyId));

  function hashKeyOf({ keyId, sealedMaskKey }: Pick<SecretCheck, 'keyId' | 'sealedMaskKey'>): Buffer {
    if (sealedMaskKey === null) return keyring.mac(HASH_KEY, [], keyId);
    return keyring.open(HASH_KEY, sealedMaskKey, keyId);
  }

  function handOn(from: SecretCheck | undefined): SecretCheck {
    const sealedMaskKey = from ? keyring.seal(HASH_KEY, hashKeyOf(from), mine) : null;
    return { keyId: mine, value: checkOf(mine), sealedMaskKey, createdAt: clock() };
  }

  for (;;) {
    const known = await store.list();
    const own = known.find(({ keyId }) => keyId === mine);
    if (own && isKnown(own)) return hashKeyOf(own);
    const former = known.find(isKnown);
    if (own || (known.length > 0 && !former)) {
      throw new WrongSecretKey(
        'SECRET_KEY is not the one that this database was made with. Give that one, or give it as SECRET_KEY_PREVIOUS beside the new one.',
      );
    }
    const next = handOn(former);
    if (await store.add(next, former ? 'next' : 'first')) return hashKeyOf(next);
  }
}
