import type { webcrypto } from 'node:crypto';
import type { EventDraft } from '../events/event-store.ts';

export interface SigningKeyRecord {
  /** The `kid`. */
  id: string;
  algorithm: 'EdDSA' | 'ES256';
  status: 'next' | 'active' | 'retired';
  publicJwk: webcrypto.JsonWebKey;
  /** PKCS #8, sealed by the keyring. */
  sealedPrivateKey: string;
  createdAt: Date;
  activatedAt: Date | null;
  retiredAt: Date | null;
  version: number;
}

export interface SigningKeyStore {
  list(): Promise<SigningKeyRecord[]>;
  /** False where this algorithm has an active key already: instances that start together agree on one. */
  insertActive(key: SigningKeyRecord, event: EventDraft): Promise<boolean>;
  /** The same private key, sealed by another secret; only while `from` is still there. */
  reseal(id: string, from: string, to: string): Promise<boolean>;
}
