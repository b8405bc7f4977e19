import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { newId } from '../../platform/ids.ts';
import type { Events } from '../events/events.ts';
import { WrongSecretKey } from './secret-check.ts';
import type { SigningKeyRecord, SigningKeyStore } from './signing-key-store.ts';

export interface SigningKey {
  kid: string;
  algorithm: 'EdDSA' | 'ES256';
  privateKey: KeyObject;
}

export interface VerificationKey {
  kid: string;
  algorithm: 'EdDSA' | 'ES256';
  publicKey: KeyObject;
}

/** The public half of a key as others read it. */
export interface PublishedKey {
  kty: string;
  crv?: string | undefined;
  x?: string | undefined;
  y?: string | undefined;
  kid: string;
  alg: string;
  use: 'sig';
}

export interface SigningKeys {
  /** Makes the first key where there is none, reads them all, and seals them anew after a change of `SECRET_KEY`. Throws `WrongSecretKey`. */
  load(): Promise<void>;
  /** The key that new tokens are signed with. */
  current(): SigningKey;
  /** A key by its `kid`, from memory. */
  find(kid: string): VerificationKey | null;
  /** The same, but an unknown `kid` is looked up in the database, where another instance may just have put it. */
  fetch(kid: string): Promise<VerificationKey | null>;
  /** RFC 7517: the public halves of all keys. */
  jwks(): { keys: PublishedKey[] };
}

const PURPOSE = 'signing-key';
/** Milliseconds between two looks for unknown keys: strangers can invent as many as they like. */
const REFETCH_AFTER = 5_000;

/** The keys that sign access tokens: private halves sealed in the database, the same on every instance. */
export function createSigningKeys(deps: {
  store: SigningKeyStore;
  events: Events;
  keyring: Keyring;
  algorithm: 'EdDSA' | 'ES256';
  clock: Clock;
  log: Logger;
}): SigningKeys {
  const { store, events, keyring, algorithm, clock, log } = deps;
  let signing: SigningKey | null = null;
  let verification = new Map<string, VerificationKey>();
  let published: PublishedKey[] = [];
  let fetchedAt = Number.NEGATIVE_INFINITY;

  async function read(): Promise<void> {
    const records = await store.list();
    verification = new Map(records.map((record) => [record.id, verificationKey(record)]));
    published = records.map(({ id, algorithm: alg, publicJwk: { kty = '', crv, x, y } }) => ({
      kty,
      crv,
      x,
      y,
      kid: id,
      alg,
      use: 'sig',
    }));
    const active = records.find((record) => record.status === 'active' && record.algorithm === algorithm);
    // Opened once: another instance may seal it anew under a SECRET_KEY that this one does not have yet.
    if (active?.id !== signing?.kid) {
      signing = active ? { kid: active.id, algorithm, privateKey: openPrivateKey(active) } : null;
    }
    for (const record of records) await reseal(record);
  }

  function openPrivateKey(record: SigningKeyRecord): KeyObject {
    if (!keyring.has(keyring.sealedBy(record.sealedPrivateKey))) {
      throw new WrongSecretKey(
        'The key that signs access tokens was sealed with another SECRET_KEY. Give that one, or give it as SECRET_KEY_PREVIOUS.',
      );
    }
    const der = keyring.open(PURPOSE, record.sealedPrivateKey, record.id);
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  }

  async function reseal(record: SigningKeyRecord): Promise<void> {
    const sealedBy = keyring.sealedBy(record.sealedPrivateKey);
    if (sealedBy === keyring.currentKeyId || !keyring.has(sealedBy)) return;
    const plain = keyring.open(PURPOSE, record.sealedPrivateKey, record.id);
    if (await store.reseal(record.id, record.sealedPrivateKey, keyring.seal(PURPOSE, plain, record.id)))
      log.info({ kid: record.id }, 'a signing key was sealed under the new SECRET_KEY');
  }

  function newKey(): SigningKeyRecord {
    const now = clock();
    const { publicKey, privateKey } =
      algorithm === 'EdDSA' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const id = newId(now);
    return {
      id,
      algorithm,
      status: 'active',
      publicJwk: publicKey.export({ format: 'jwk' }),
      sealedPrivateKey: keyring.seal(PURPOSE, privateKey.export({ format: 'der', type: 'pkcs8' }), id),
      createdAt: now,
      activatedAt: now,
      retiredAt: null,
      version: 1,
    };
  }

  return {
    async load() {
      await read();
      if (signing) return;
      const key = newKey();
      const event = events.describe(null, { type: 'key.created', target: `key:${key.id}`, data: { algorithm } });
      if (await store.insertActive(key, event)) log.info({ kid: key.id, algorithm }, 'made the first signing key');
      await read();
      if (!signing) throw new Error('There is no active signing key, and none could be made.');
    },

    current() {
      if (!signing) throw new TypeError('The signing keys are not loaded yet.');
      return signing;
    },

    find: (kid) => verification.get(kid) ?? null,

    async fetch(kid) {
      const known = verification.get(kid);
      if (known || performance.now() - fetchedAt < REFETCH_AFTER) return known ?? null;
      fetchedAt = performance.now();
      await read();
      return verification.get(kid) ?? null;
    },

    jwks: () => ({ keys: published }),
  };
}

function verificationKey(record: SigningKeyRecord): VerificationKey {
  const publicKey = createPublicKey({ key: record.publicJwk, format: 'jwk' });
  return { kid: record.id, algorithm: record.algorithm, publicKey };
}
