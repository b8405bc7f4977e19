import type { Logger } from 'pino';
import type { Clock } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { Caller } from '../../platform/http/caller.ts';
import type { Events } from '../events/events.ts';
import { createEncryptionKeys, type EncryptionKeys } from './encryption-keys.ts';
import { chainOf, KEY_USES, type KeyLink } from './key-chain.ts';
import { createKeyLife } from './key-life.ts';
import { createKeyMemory } from './key-memory.ts';
import type { KeyStore, KeyUse, SigningAlgorithm } from './key-store.ts';
import { WrongSecretKey } from './secret-check.ts';
import { createSigningKeys, type SigningKeys } from './signing-keys.ts';

export interface Keys {
  /** Makes the first signing keys if there are none, and reads all keys. Throws `WrongSecretKey`. */
  load(): Promise<void>;
  /** For a server that starts: makes the next key one of `algorithm`. The next read remembers the change. */
  start(): Promise<void>;
  signing: SigningKeys;
  encryption: EncryptionKeys;
  /** The keys, from the database. */
  list(): Promise<KeyLink[]>;
  /** Activates the next key now, and makes another next one; tokens of the old one stay valid until they expire. */
  rotate(caller: Caller, use: KeyUse): Promise<void>;
  /** Removes a key: its tokens and ciphertexts are invalid, in this process at once. Throws `key_not_found`. */
  revoke(caller: Caller, id: string): Promise<void>;
  /** Does what is due, and encrypts with `SECRET_KEY` what another instance encrypted with the previous one. */
  tend(): Promise<{ activated: number; removed: number }>;
  evict(target: string): void;
  /** For unknown changes: reads all keys. */
  readAll(): Promise<void>;
  stop(): Promise<void>;
}

/** The keys of the server, the same on every instance; their private halves are encrypted in the database. */
export function createKeys(deps: {
  store: KeyStore;
  events: Events;
  keyring: Keyring;
  /** Algorithm of signing keys that are made from `start` on, by any instance. */
  algorithm: SigningAlgorithm;
  /** Milliseconds that a key is active. */
  rotation: number;
  clock: Clock;
  log: Logger;
}): Keys {
  const { store, algorithm } = deps;
  const memory = createKeyMemory(deps);
  const life = createKeyLife({ ...deps, opens: memory.opens, algorithms: { sig: algorithm, enc: 'RSA-OAEP-256' } });

  /** The change applies here before the answer. */
  async function andRead(change: Promise<void>): Promise<void> {
    await change;
    await memory.read();
  }

  return {
    async load() {
      await life.ensure('sig');
      await memory.read();
      if (!memory.current('sig')) {
        throw new WrongSecretKey(
          'The key that signs access tokens was sealed with another SECRET_KEY. Give that one, or give it as SECRET_KEY_PREVIOUS.',
        );
      }
    },

    start: () => life.settle('sig'),
    signing: createSigningKeys({ memory }),
    encryption: createEncryptionKeys({ memory, ensure: () => andRead(life.ensure('enc')) }),

    async list() {
      const keys = await store.list();
      return KEY_USES.flatMap((use) => chainOf(keys, use).links);
    },

    rotate: (caller, use) => andRead(life.rotate(caller, use)),
    revoke: (caller, id) => andRead(life.revoke(caller, id)),
    async tend() {
      const done = await life.tend();
      await memory.read();
      return done;
    },

    evict(target) {
      if (target.startsWith('key:')) memory.evict();
    },

    readAll: memory.read,
    stop: memory.stop,
  };
}
