import type { KeyObject } from 'node:crypto';
import { platformErrors } from '../../platform/errors.ts';
import type { HeldKey, KeyMemory } from './key-memory.ts';
import type { SigningAlgorithm } from './key-store.ts';

export interface SigningKey {
  kid: string;
  algorithm: SigningAlgorithm;
  privateKey: KeyObject;
}

export interface VerificationKey {
  kid: string;
  algorithm: SigningAlgorithm;
  publicKey: KeyObject;
}

/** The public half of a key as published (RFC 7517, RFC 7518, 6). */
export interface PublishedKey {
  kty: string;
  crv?: string | undefined;
  x?: string | undefined;
  y?: string | undefined;
  n?: string | undefined;
  e?: string | undefined;
  kid: string;
  alg: string;
  use: 'sig';
}

export interface SigningKeys {
  /** The key for new tokens. Throws `unavailable` if this instance can decrypt none. */
  current(): SigningKey;
  /** A key by its `kid`, from memory; null for one that is no longer valid. */
  find(kid: string): VerificationKey | null;
  /** The same, but an unknown `kid` is looked up in the database, where another instance may just have put it. */
  fetch(kid: string): Promise<VerificationKey | null>;
  /**
   * RFC 7517: the public halves of the next, the active and the retired keys. Read from the database, so that a key that another instance
   * has just made is included; while the database is away, the remembered ones.
   */
  jwks(): Promise<{ keys: PublishedKey[] }>;
}

/** The keys that sign access tokens, each by its own algorithm. */
export function createSigningKeys({ memory }: { memory: KeyMemory }): SigningKeys {
  function find(kid: string): VerificationKey | null {
    const key = memory.find('sig', kid);
    return key && signs(key) ? key : null;
  }

  return {
    current() {
      const key = memory.current('sig');
      if (!key?.privateKey || !signs(key)) throw platformErrors.unavailable({ headers: { 'retry-after': '1' } });
      return { kid: key.kid, algorithm: key.algorithm, privateKey: key.privateKey };
    },

    find,

    async fetch(kid) {
      const known = find(kid);
      if (known) return known;
      await memory.lookAgain();
      return find(kid);
    },

    async jwks() {
      await memory.lookAgain().catch(() => {});
      return { keys: memory.list('sig').map(published) };
    },
  };
}

function signs(key: HeldKey): key is HeldKey & { algorithm: SigningAlgorithm } {
  return key.algorithm !== 'RSA-OAEP-256';
}

function published({ kid, algorithm, publicJwk }: HeldKey): PublishedKey {
  const { kty = '', crv, x, y, n, e } = publicJwk;
  return { kty, crv, x, y, n, e, kid, alg: algorithm, use: 'sig' };
}
