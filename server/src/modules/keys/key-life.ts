import type { Logger } from 'pino';
import { after, type Clock, HOUR } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { isId, newId } from '../../platform/ids.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import { keyErrors } from './errors.ts';
import { chainOf, KEY_USES, type KeyChain } from './key-chain.ts';
import { KEPT_AFTER } from './key-memory.ts';
import { newKeyPair, sealPrivateKey } from './key-pairs.ts';
import type { KeyAlgorithm, KeyRecord, KeyStore, KeyUse } from './key-store.ts';

export interface KeyLife {
  /** Makes the active key and the next one if they are missing. */
  ensure(use: KeyUse): Promise<void>;
  /** Makes the next key one of the configured algorithm; for a server that starts. */
  settle(use: KeyUse): Promise<void>;
  /** Activates the next key now and makes another next one. Concurrent callers may share one rotation. */
  rotate(caller: Caller, use: KeyUse): Promise<void>;
  /** Removes a key at once; if it is active, after a rotation. Throws `key_not_found`. */
  revoke(caller: Caller, id: string): Promise<void>;
  /** Does what is due. Any number of instances may call it concurrently. */
  tend(): Promise<{ activated: number; removed: number }>;
}

/** Seconds for which others may cache the list of keys, as the answer says. */
export const LIST_MAX_AGE = 300;
export const LIST_STALE = 3600;
/** How long a key is published before it is activated automatically: longer than that. */
export const PUBLISHED_AHEAD = 2 * HOUR;
/** Rounds of reading and conditional writing in which a start makes the next key fit. */
const SETTLING = 20;

type Reason = 'expired' | 'revoked' | 'algorithm_changed' | 'unreadable';

/** Creation, rotation and removal of keys. Each step is one conditional write, decided on what was just read. */
export function createKeyLife(deps: {
  store: KeyStore;
  events: Events;
  keyring: Keyring;
  /** Whether this instance can decrypt the private half. */
  opens: (key: KeyRecord) => boolean;
  /** The configured algorithm. */
  algorithms: Record<KeyUse, KeyAlgorithm>;
  /** Milliseconds that a key is active. */
  rotation: number;
  clock: Clock;
  log: Logger;
}): KeyLife {
  const { store, events, keyring, opens, algorithms, rotation, clock, log } = deps;

  const read = async (use: KeyUse) => chainOf(await store.list(), use);

  function describe(caller: Caller | null, what: string, { id, use, algorithm }: KeyRecord, data: object): EventDraft {
    const type = `key.${what}`;
    return events.describe(caller, { type, target: `key:${id}`, data: { use, algorithm, ...data }, evicts: true });
  }

  /**
   * The algorithm of new keys: that of the newest one. A server that starts changes that one to its setting, so that of servers that
   * disagree the last one to start decides, and none undoes what another did after it.
   */
  const algorithmOf = ({ links }: KeyChain, use: KeyUse) => links.at(-1)?.key.algorithm ?? algorithms[use];

  /** False if another instance took the place. */
  async function insert(
    caller: Caller | null,
    use: KeyUse,
    { chain, status, algorithm }: { chain: KeyChain; status: 'next' | 'active'; algorithm: KeyAlgorithm },
  ): Promise<boolean> {
    const { publicKey, privateKey } = await newKeyPair(algorithm);
    const now = clock();
    const id = newId(now);
    const key: KeyRecord = {
      id,
      use,
      place: chain.freePlace,
      algorithm,
      publicJwk: publicKey.export({ format: 'jwk' }),
      sealedPrivateKey: sealPrivateKey(keyring, id, privateKey),
      createdAt: now,
      activatedAt: status === 'active' ? now : null,
      version: 1,
    };
    const won = await store.insert(key, describe(caller, 'created', key, { status }));
    if (won) log.info({ kid: id, use, algorithm, status }, 'made a key');
    return won;
  }

  async function activate(caller: Caller | null, next: KeyRecord, chain: KeyChain): Promise<boolean> {
    const { id, use, version } = next;
    const event = describe(caller, 'activated', next, { replaces: chain.active?.id ?? null });
    const won = await store.activate({ id, version, now: clock() }, event);
    if (won) log.info({ kid: id, use }, 'put a key to use');
    return won;
  }

  async function remove(caller: Caller | null, key: KeyRecord, reason: Reason): Promise<boolean> {
    const won = await store.remove(key, describe(caller, 'removed', key, { reason }));
    if (won) log.info({ kid: key.id, use: key.use, reason }, 'removed a key');
    return won;
  }

  /** The instance that gets the place makes the key, so one attempt is enough. */
  async function replenish(caller: Caller | null, use: KeyUse, algorithm: KeyAlgorithm): Promise<void> {
    const chain = await read(use);
    if (!chain.next) await insert(caller, use, { chain, status: 'next', algorithm });
  }

  /** Whether the active key is old, of another algorithm than the next one, or cannot be decrypted here, and others know the next one. */
  function isDue({ active, next }: KeyChain): boolean {
    if (!active?.activatedAt || !next) return false;
    const isOver = after(active.activatedAt, rotation) <= clock();
    const isReplaced = isOver || active.algorithm !== next.algorithm || !opens(active);
    return isReplaced && after(next.createdAt, PUBLISHED_AHEAD) <= clock();
  }

  /** Activates another key, unless another instance does meanwhile. A key that cannot be decrypted here could not sign. */
  async function replaceActive(caller: Caller, use: KeyUse): Promise<void> {
    const first = await read(use);
    const algorithm = algorithmOf(first, use);
    await untilWon(async (lost) => {
      const chain = lost === 0 ? first : await read(use);
      if ((chain.active?.place ?? 0) > (first.active?.place ?? 0)) return true;
      const { next } = chain;
      if (next && !opens(next)) await remove(caller, next, 'unreadable');
      else if (next && (await activate(caller, next, chain))) return true;
      else if (!next && (await insert(caller, use, { chain, status: 'active', algorithm }))) return true;
      return null;
    });
  }

  async function rotate(caller: Caller, use: KeyUse): Promise<void> {
    await replaceActive(caller, use);
    await replenish(caller, use, algorithmOf(await read(use), use));
  }

  async function tendUse(use: KeyUse): Promise<{ activated: number; removed: number }> {
    const chain = await read(use);
    if (!chain.active) return { activated: 0, removed: 0 };
    const { next } = chain;
    let activated = 0;
    if (next && isDue(chain)) {
      if (opens(next)) activated = Number(await activate(null, next, chain));
      else await remove(null, next, 'unreadable');
    }
    await replenish(null, use, algorithmOf(chain, use));
    let removed = 0;
    for (const { key, retiredAt } of chain.links) {
      if (retiredAt && after(retiredAt, KEPT_AFTER) <= clock()) removed += Number(await remove(null, key, 'expired'));
    }
    return { activated, removed };
  }

  return {
    async ensure(use) {
      const chain = await read(use);
      const algorithm = algorithmOf(chain, use);
      if (!chain.active) await insert(null, use, { chain, status: 'active', algorithm });
      if (!chain.next) await replenish(null, use, algorithm);
    },

    async settle(use) {
      const algorithm = algorithms[use];
      // Not `untilWon`: a start must not fail because others start as well. Whoever starts last finds what is left to do.
      for (let tries = 0; tries < SETTLING; tries++) {
        const chain = await read(use);
        if (chain.next?.algorithm === algorithm) return;
        if (chain.next) await remove(null, chain.next, 'algorithm_changed');
        else await insert(null, use, { chain, status: 'next', algorithm });
      }
    },

    rotate,

    async revoke(caller, id) {
      await untilWon(async (lost) => {
        const keys = isId(id) ? await store.list() : [];
        const key = keys.find((each) => each.id === id);
        // A key that is gone meanwhile is what the caller wanted.
        if (!key && lost > 0) return true;
        if (!key) throw keyErrors.key_not_found();
        // A retired key stays retired; the next one may have been activated since, and then has another version.
        const chain = chainOf(keys, key.use);
        if (chain.active === key) await rotate(caller, key.use);
        else if (await remove(caller, key, 'revoked')) {
          await replenish(caller, key.use, algorithmOf(chain, key.use));
          return true;
        }
        return null;
      });
    },

    async tend() {
      const results = { activated: 0, removed: 0 };
      for (const use of KEY_USES) {
        const { activated, removed } = await tendUse(use);
        results.activated += activated;
        results.removed += removed;
      }
      return results;
    },
  };
}
