import { createHash, randomBytes } from 'node:crypto';
import { SECOND } from '../clock.ts';
import type { RedisConnections } from '../redis/connect.ts';
import type { CacheStore, Found } from './cache.ts';

const PREFIX = 'ostiary:cache';
const LEASE_BYTES = 12;
const RETRY = 1 * SECOND;
/** Beyond these the oldest are left to their ttl. */
const MOST_OWED = 10_000;

/**
 * What is there, or else the lease of whoever loads it. All who load it at the same time, on whatever instance, hold the same one: any of
 * them may keep what they found, and nobody starves.
 */
const FIND = `
local text = redis.call('GET', KEYS[1])
if text then return { text, false } end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2], 'NX')
return { false, redis.call('GET', KEYS[2]) }`;

/** Keeps what was loaded under a lease, for the rest of the lease: it is then never older than its ttl, however late this comes. */
const KEEP = `
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return end
local left = redis.call('PTTL', KEYS[2])
redis.call('DEL', KEYS[2])
if left > 0 then redis.call('SET', KEYS[1], ARGV[2], 'PX', left) end`;

/** In Redis, for all instances. A lease is what `forget` takes away from loads that began before it: a flush does as much. */
export function createRedisCache({ hasty }: RedisConnections): CacheStore {
  /** What could not be forgotten yet: until then it is neither asked for nor kept here. */
  const owed = new Set<string>();
  let isRetrying = false;

  async function find(key: string, ttl: number): Promise<Found> {
    if (owed.has(key)) return NOWHERE;
    const keys = keysOf(key);
    const offered = randomBytes(LEASE_BYTES).toString('base64url');
    try {
      const [text, lease] = (await hasty.eval(FIND, keys.length, ...keys, offered, ttl)) as [string | null, string];
      // Forgotten in vain while this was asked.
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

/** Of one slot of a cluster; hashed, since a key may be long, hold braces, or name somebody. */
function keysOf(key: string): [value: string, lease: string] {
  const value = `${PREFIX}:{${createHash('sha256').update(key).digest('base64url')}}`;
  return [value, `${value}:lease`];
}
