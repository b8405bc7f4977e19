import { createHash, randomBytes } from 'node:crypto';
import { SECOND } from '../clock.ts';
import type { RedisConnections } from '../redis/connect.ts';
import type { CacheStore, Found } from './cache.ts';

const LEASE_BYTES = 12;
const RETRY = 1 * SECOND;
/** Beyond this number, the oldest expire by their ttl. */
const MOST_OWED = 10_000;

/**
 * Returns the value, or else the lease for loading it. All concurrent loads, on any instance, share one lease: each of them may store
 * its result, so that none starves.
 */
const FIND = `
local text = redis.call('GET', KEYS[1])
if text then return { text, false } end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2], 'NX')
return { false, redis.call('GET', KEYS[2]) }`;

/** Stores a loaded value for the rest of its lease: however late it arrives, it is never older than its ttl. */
const KEEP = `
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return end
local left = redis.call('PTTL', KEYS[2])
redis.call('DEL', KEYS[2])
if left > 0 then redis.call('SET', KEYS[1], ARGV[2], 'PX', left) end`;

/** In Redis, for all instances. `forget` removes the lease of the loads that began before it; so does a flush. */
export function createRedisCache({ hasty, space }: RedisConnections): CacheStore {
  /** Keys in one slot of a cluster; hashed, since a key may be long, contain braces, or name a person. */
  function keysOf(key: string): [value: string, lease: string] {
    const value = `${space}:cache:{${createHash('sha256').update(key).digest('base64url')}}`;
    return [value, `${value}:lease`];
  }

  /** Keys whose `forget` has not reached Redis yet: until then they are neither read nor stored. */
  const owed = new Set<string>();
  let isRetrying = false;

  async function find(key: string, ttl: number): Promise<Found> {
    if (owed.has(key)) return NOWHERE;
    const keys = keysOf(key);
    const offered = randomBytes(LEASE_BYTES).toString('base64url');
    try {
      const [text, lease] = (await hasty.eval(FIND, keys.length, ...keys, offered, ttl)) as [string | null, string];
      // A `forget` failed while this was being read.
      if (owed.has(key)) return NOWHERE;
      if (text !== null) return { text };
      return { keep: (loaded) => void hasty.eval(KEEP, keys.length, ...keys, lease, loaded).catch(() => {}) };
    } catch {
      return NOWHERE;
    }
  }

  async function forget(key: string): Promise<void> {
    try {
      await hasty.del(...keysOf(key));
      owed.delete(key);
    } catch {
      owed.add(key);
      for (const oldest of owed) {
        if (owed.size <= MOST_OWED) break;
        owed.delete(oldest);
      }
      if (!isRetrying) setTimeout(payBack, RETRY).unref();
      isRetrying = true;
    }
  }

  function payBack(): void {
    isRetrying = false;
    for (const key of owed) void forget(key);
  }

  return { find, forget };
}

const NOWHERE: Found = { keep() {} };
