import type { webcrypto } from 'node:crypto';
import type { EventDraft } from '../events/event-store.ts';

/** `sig`: signs access tokens. `enc`: others encrypt for this server with it. */
export type KeyUse = 'sig' | 'enc';
export type SigningAlgorithm = 'EdDSA' | 'ES256' | 'RS256';
export type KeyAlgorithm = SigningAlgorithm | 'RSA-OAEP-256';

/**
 * A key pair. Whether it comes next, is active or retired is not stored but follows from its place (see `chainOf`), so that one write
 * both begins one key and ends another.
 */
export interface KeyRecord {
  /** The `kid`. */
  id: string;
  use: KeyUse;
  /** 1, 2, 3 … among the keys of a use: each follows on the one before. */
  place: number;
  algorithm: KeyAlgorithm;
  publicJwk: webcrypto.JsonWebKey;
  /** PKCS #8, sealed by the keyring. */
  sealedPrivateKey: string;
  createdAt: Date;
  /** Null until it is put to use. */
  activatedAt: Date | null;
  version: number;
}

/** Each verb but `reseal` carries an event; each says whether it won. */
export interface KeyStore {
  /** Ordered by use and place. */
  list(): Promise<KeyRecord[]>;
  /** False where the place is taken: instances that make a key at the same time agree on one. */
  insert(key: KeyRecord, event: EventDraft): Promise<boolean>;
  /** Puts a key to use at `now`; false where it is already, or is gone. */
  activate(at: { id: string; version: number; now: Date }, event: EventDraft): Promise<boolean>;
  /** False where it changed since `version`, or is gone. */
  remove(at: { id: string; version: number }, event: EventDraft): Promise<boolean>;
  /** The same private key, sealed by another secret; only while `from` is still there. */
  reseal(id: string, from: string, to: string): Promise<boolean>;
}
