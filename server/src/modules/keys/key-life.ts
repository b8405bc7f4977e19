import type { Logger } from 'pino';
import { after, type Clock, HOUR } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { platformErrors } from '../../platform/errors.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { isId, newId } from '../../platform/ids.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import { keyErrors } from './errors.ts';
import { chainOf, KEY_USES, type KeyChain } from './key-chain.ts';
import { KEPT_AFTER } from './key-memory.ts';
import { newKeyPair, sealPrivateKey } from './key-pairs.ts';
import type { KeyAlgorithm, KeyRecord, KeyStore, KeyUse } from './key-store.ts';

export interface KeyLife {
  /** Makes the active key and the next one where they are missing. */
  ensure(use: KeyUse): Promise<void>;
  /** Puts the next key to use now and makes another next one. Callers at the same time may share one rotation. */
  rotate(caller: Caller, use: KeyUse): Promise<void>;
  /** Throws a key away, at once; if it was active, after a rotation. Throws `key_not_found`. */
  revoke(caller: Caller, id: string): Promise<void>;
  /** Does what is due by now. Any number of instances may, at the same time. */
  tend(): Promise<{ activated: number; removed: number }>;
}

/** How long those who verify tokens may hold an older list of keys: as the answer says, in seconds. */
export const LIST_MAX_AGE = 300;
export const LIST_STALE = 3600;
/** How long a key is published before it is put to use by itself: longer than that. */
export const PUBLISHED_AHEAD = 2 * HOUR;
/** Rounds of reading and conditional writing before somebody else's luck is called overload. */
const ATTEMPTS = 20;

type Reason = 'expired' | 'revoked' | 'algorithm_changed';

/** Where keys come from, follow on each other and go. Each step is one conditional write, decided on what was just read. */
export function createKeyLife(deps: {
  store: KeyStore;
  events: Events;
  keyring: Keyring;
  /** Of new keys. */
  algorithms: Record<KeyUse, KeyAlgorithm>;
  /** Milliseconds that a key is active. */
  rotation: number;
  clock: Clock;
  log: Logger;
}): KeyLife {
  const { store, events, keyring, algorithms, rotation, clock, log } = deps;

  const read = async (use: KeyUse) => chainOf(await store.list(), use);

  function describe(caller: Caller | null, what: string, { id, use, algorithm }: KeyRecord, data: object): EventDraft {
    const type = `key.${what}`;
    return events.describe(caller, { type, target: `key:${id}`, data: { use, algorithm, ...data }, evicts: true });
  }

  /** False where somebody else took the place. */
  async function insert(caller: Caller | null, use: KeyUse, chain: KeyChain, status: 'next' | 'active') {
    const algorithm = algorithms[use];
    const { publicKey, privateKey } = await newKeyPair(algorithm);
    const now = clock();
    const id = newId(now);
    const key: KeyRecord = {
      ...{ id, use, place: chain.freePlace, algorithm },
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

  /** Whoever takes the place makes it, so one attempt is enough. */
  async function replenish(caller: Caller | null, use: KeyUse): Promise<void> {
    const chain = await read(use);
    if (!chain.next) await insert(caller, use, chain, 'next');
  }

  /** A next key that was made for another algorithm than is configured now. */
  const misfit = ({ next }: KeyChain) => (next && next.algorithm !== algorithms[next.use] ? next : null);

  function isDue({ active, next }: KeyChain): boolean {
    if (!active?.activatedAt || !next) return false;
    const isOld = after(active.activatedAt, rotation) <= clock() || active.algorithm !== algorithms[active.use];
    return isOld && after(next.createdAt, PUBLISHED_AHEAD) <= clock();
  }

  /** Makes another key the active one, unless somebody else does meanwhile. */
  async function replaceActive(caller: Caller, use: KeyUse): Promise<void> {
    const first = await read(use);
    let chain = first;
    for (let tries = 0; tries < ATTEMPTS; tries++) {
      const unfit = misfit(chain);
      if (unfit) await remove(caller, unfit, 'algorithm_changed');
      else if (chain.next && (await activate(caller, chain.next, chain))) return;
      else if (!chain.next && (await insert(caller, use, chain, 'active'))) return;
      chain = await read(use);
      if ((chain.active?.place ?? 0) > (first.active?.place ?? 0)) return;
    }
    throw platformErrors.overloaded({ headers: { 'retry-after': '1' } });
  }

  async function rotate(caller: Caller, use: KeyUse): Promise<void> {
    await replaceActive(caller, use);
    await replenish(caller, use);
  }

  async function tendUse(use: KeyUse): Promise<{ activated: number; removed: number }> {
    const chain = await read(use);
    if (!chain.active) return { activated: 0, removed: 0 };
    const unfit = misfit(chain);
    let activated = 0;
    if (unfit) await remove(null, unfit, 'algorithm_changed');
    else if (chain.next && isDue(chain)) activated = Number(await activate(null, chain.next, chain));
    await replenish(null, use);
    let removed = 0;
    for (const { key, retiredAt } of chain.links) {
      if (retiredAt && after(retiredAt, KEPT_AFTER) <= clock()) removed += Number(await remove(null, key, 'expired'));
    }
    return { activated, removed };
  }

  return {
    async ensure(use) {
      const chain = await read(use);
      if (!chain.active) await insert(null, use, chain, 'active');
      if (!chain.next) await replenish(null, use);
    },

    rotate,

    async revoke(caller, id) {
      for (let tries = 0; tries < ATTEMPTS; tries++) {
        const keys = isId(id) ? await store.list() : [];
        const key = keys.find((each) => each.id === id);
        // Gone meanwhile is what the caller wanted.
        if (!key && tries > 0) return;
        if (!key) throw keyErrors.key_not_found();
        // What is retired stays so; the next one may have been put to use since, and then has another version.
        if (chainOf(keys, key.use).active === key) await replaceActive(caller, key.use);
        else if (await remove(caller, key, 'revoked')) return replenish(caller, key.use);
      }
      throw platformErrors.overloaded({ headers: { 'retry-after': '1' } });
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
