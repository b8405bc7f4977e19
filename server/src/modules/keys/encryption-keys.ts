import type { KeyObject, webcrypto } from 'node:crypto';
import { platformErrors } from '../../platform/errors.ts';
import type { HeldKey, KeyMemory } from './key-memory.ts';

export interface PublicEncryptionKey {
  kid: string;
  publicJwk: webcrypto.JsonWebKey;
}

/** The RSA-OAEP-256 keys for encrypting to this server. */
export interface EncryptionKeys {
  /** The key for new texts. The very first call makes it, which takes a fraction of a second. */
  current(): Promise<PublicEncryptionKey>;
  /** The private half for this `kid`, from memory. */
  find(kid: string): KeyObject | null;
  /** The same, but an unknown `kid` is looked up in the database, where another instance may just have put it. */
  fetch(kid: string): Promise<KeyObject | null>;
}

/** `ensure` makes the first key if there is none, so that servers without encrypted passwords need no RSA key. */
export function createEncryptionKeys(deps: { memory: KeyMemory; ensure: () => Promise<void> }): EncryptionKeys {
  const { memory } = deps;
  let ensuring: Promise<void> | null = null;
  const find = (kid: string) => memory.find('enc', kid)?.privateKey ?? null;

  return {
    async current() {
      if (!memory.current('enc')) {
        ensuring ??= deps.ensure().finally(() => {
          ensuring = null;
        });
        await ensuring;
      }
      const key = memory.current('enc');
      if (!key) throw platformErrors.unavailable({ headers: { 'retry-after': '1' } });
      return publicHalf(key);
    },

    find,

    async fetch(kid) {
      const known = find(kid);
      if (known) return known;
      await memory.lookAgain();
      return find(kid);
    },
  };
}

function publicHalf({ kid, publicJwk }: HeldKey): PublicEncryptionKey {
  return { kid, publicJwk };
}
