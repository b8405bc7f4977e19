import { createPublicKey, type KeyObject } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Clock, DAY, HOUR, SECOND } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { createOutageLog } from '../../platform/telemetry/outage-log.ts';
import { chainOf, KEY_USES, type KeyLink } from './key-chain.ts';
import { openPrivateKey, resealed } from './key-pairs.ts';
import type { KeyRecord, KeyStore, KeyUse } from './key-store.ts';

/** A key in the memory of this instance. */
export interface HeldKey extends Pick<KeyRecord, 'use' | 'algorithm' | 'publicJwk'> {
  kid: string;
  status: KeyLink['status'];
  publicKey: KeyObject;
  /** Null if it was altered, or encrypted with a `SECRET_KEY` that this instance does not have. */
  privateKey: KeyObject | null;
  /** Unix milliseconds; from then on the key is invalid. */
  until: number;
}

/** The keys that an instance remembers. Reads cost no query; `evict` keeps them current. */
export interface KeyMemory {
  /** Reads all keys, and re-encrypts those that another `SECRET_KEY` encrypted. */
  read(): Promise<void>;
  /** The same in the background, retried until it works; the remembered keys serve until then. */
  evict(): void;
  /**
   * Reads because of an unknown key, at most ten times a second: strangers can invent any number. Callers
   * wait for a read that begins after their call, so that a key that another instance has just made is always found. Writes nothing.
   */
  lookAgain(): Promise<void>;
  /** The key to sign with: the active one, or the latest before it that this instance can decrypt. */
  current(use: KeyUse): HeldKey | null;
  /** Whether this instance can decrypt its private half. */
  opens(key: KeyRecord): boolean;
  /** A key that is still valid. */
  find(use: KeyUse, kid: string): HeldKey | null;
  /** All valid keys of a use, ordered by place. */
  list(use: KeyUse): HeldKey[];
  stop(): Promise<void>;
}

/**
 * How long a key is valid after it was retired: longer than an access token can live, which is a day (`ACCESS_TOKEN_TTL`), plus the time
 * until an instance learns of it.
 */
export const KEPT_AFTER = DAY + HOUR;
const LOOK_AGAIN_AFTER = SECOND / 10;
const RETRY_AFTER = 1 * SECOND;

export function createKeyMemory(deps: { store: KeyStore; keyring: Keyring; clock: Clock; log: Logger }): KeyMemory {
  const { store, keyring, clock, log } = deps;
  const outage = createOutageLog(log, 'reading the keys');
  let records: KeyRecord[] = [];
  let held = new Map<string, HeldKey>();
  let current = new Map<KeyUse, HeldKey>();
  let reading: Promise<void> | null = null;
  let waiting: Promise<void> | null = null;
  let nextLook: Promise<void> | null = null;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let evicting: Promise<void> | null = null;
  let retry: NodeJS.Timeout | null = null;
  let stopped = false;

  async function load(): Promise<void> {
    records = await store.list();
    const nowHeld = new Map<string, HeldKey>();
    const nowCurrent = new Map<KeyUse, HeldKey>();
    for (const use of KEY_USES) {
      for (const link of chainOf(records, use).links) {
        const key = hold(link);
        nowHeld.set(key.kid, key);
        if (key.status !== 'next' && key.privateKey) nowCurrent.set(use, key);
      }
    }
    held = nowHeld;
    current = nowCurrent;
  }

  /** Never because of strangers: instances with a different order of secrets would overwrite each other. */
  async function sealAnew(): Promise<void> {
    for (const record of records) {
      const sealed = resealed(keyring, record);
      if (sealed !== null && (await store.reseal(record.id, record.sealedPrivateKey, sealed)))
        log.info({ kid: record.id }, 'a private key was encrypted with the new SECRET_KEY');
    }
  }

  function hold({ key, status, retiredAt }: KeyLink): HeldKey {
    const known = held.get(key.id);
    // A decrypted key stays usable: another instance may encrypt it with a SECRET_KEY that this one does not have yet.
    const privateKey = known?.privateKey ?? openPrivateKey(keyring, key);
    if (!privateKey && !known) {
      log.warn(
        { kid: key.id },
        'a private key cannot be decrypted here: it was altered, or encrypted with another SECRET_KEY',
      );
    }
    const publicKey = known?.publicKey ?? createPublicKey({ key: key.publicJwk, format: 'jwk' });
    const until = retiredAt ? retiredAt.getTime() + KEPT_AFTER : Number.POSITIVE_INFINITY;
    const { id: kid, use, algorithm, publicJwk } = key;
    return { kid, use, algorithm, publicJwk, status, publicKey, privateKey, until };
  }

  const whileItCounts = (key: HeldKey | undefined) => (key && clock().getTime() < key.until ? key : null);

  /** One read at a time, so that an older one never finishes last; callers get one that began after their call. */
  function reload(): Promise<void> {
    if (reading) {
      waiting ??= reading
        .catch(() => {})
        .then(() => {
          waiting = null;
          return reload();
        });
      return waiting;
    }
    reading = load().finally(() => {
      reading = null;
    });
    return reading;
  }

  const read = () => reload().then(sealAnew);

  /** Callers before it begins share it; later callers wait for the next one. */
  async function look(): Promise<void> {
    await pause(Math.max(0, lookedAt + LOOK_AGAIN_AFTER - performance.now()));
    lookedAt = performance.now();
    nextLook = null;
    await reload();
  }

  function evict(): void {
    if (stopped) return;
    evicting = read().then(outage.worked, (error) => {
      if (stopped) return;
      outage.failed(error);
      retry ??= setTimeout(() => {
        retry = null;
        evict();
      }, RETRY_AFTER).unref();
    });
  }

  return {
    read,
    evict,

    lookAgain() {
      nextLook ??= look();
      return nextLook;
    },

    opens: (key) => Boolean(held.get(key.id)?.privateKey ?? openPrivateKey(keyring, key)),

    current: (use) => whileItCounts(current.get(use)),

    find(use, kid) {
      const key = whileItCounts(held.get(kid));
      return key?.use === use ? key : null;
    },

    list: (use) => [...held.values()].filter((key) => key.use === use && whileItCounts(key)),

    async stop() {
      stopped = true;
      if (retry) clearTimeout(retry);
      await (waiting ?? reading)?.catch(() => {});
      await evicting;
    },
  };
}
