import type { webcrypto } from 'node:crypto';
import type { EventDraft } from '../events/event-store.ts';

/** `sig`: signs access tokens. `enc`: decrypts passwords that clients encrypted. */
export type KeyUse = 'sig' | 'enc';
export type SigningAlgorithm = 'EdDSA' | 'ES256' | 'RS256';
export type KeyAlgorithm = SigningAlgorithm | 'RSA-OAEP-256';

/**
 * A key pair. Its status (next, active, retired) is not stored but follows from its place (see `chainOf`), so that one write
 * activates one key and retires another.
 */
export interface KeyRecord {
  /** The `kid`. */
  id: string;
  use: KeyUse;
  /** 1, 2, 3 … among the keys of a use. */
  place: number;
  algorithm: KeyAlgorithm;
  publicJwk: webcrypto.JsonWebKey;
  /** PKCS #8, encrypted by the keyring. */
  sealedPrivateKey: string;
  createdAt: Date;
  /** Null until it is activated. */
  activatedAt: Date | null;
  version: number;
}

/** Every verb except `reseal` writes an event; each returns whether it won. */
export interface KeyStore {
  /** Ordered by use and place. */
  list(): Promise<KeyRecord[]>;
  /** False if the place is taken: instances that make a key concurrently agree on one. */
  insert(key: KeyRecord, event: EventDraft): Promise<boolean>;
  /** Activates a key at `now`; false if it is already active, or gone. */
  activate(at: { id: string; version: number; now: Date }, event: EventDraft): Promise<boolean>;
  /** False if it changed since `version`, or is gone. */
  remove(at: { id: string; version: number }, event: EventDraft): Promise<boolean>;
  /** Stores the same private key, encrypted with another secret; only if `from` is still stored. */
  reseal(id: string, from: string, to: string): Promise<boolean>;
}
