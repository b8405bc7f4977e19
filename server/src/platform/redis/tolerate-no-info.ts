import type { RedisClient } from './connect.ts';
import { surviveLateErrors } from './survive-late-errors.ts';

/** BullMQ would print its opinion of it for each connection; `openRedis` tells it once. */
const POLICY = /^maxmemory_policy:.*$/m;
/** What is assumed of a server that does not tell its version: users with rights, who may be denied INFO, came with Redis 6. */
const ASSUMED = 'redis_version:6.2.0\r\n';
const IS_DENIED = /^NOPERM|^ERR unknown command/;

/**
 * Makes `info` of a connection, and of its duplicates, answer also for a user who may not ask it: ioredis asks it before a connection is
 * ready, and BullMQ before a worker is, whose loop would spin without a pause on the refusal.
 */
export function tolerateNoInfo<Client extends RedisClient>(redis: Client): Client {
  const info = redis.info.bind(redis) as (...sections: string[]) => Promise<string>;
  const tolerant = async (...args: unknown[]): Promise<string> => {
    const callback = args.findLast((arg) => typeof arg === 'function') as InfoCallback | undefined;
    const sections = args.filter((arg) => typeof arg === 'string');
    try {
      const text = await info(...sections).catch((error: Error) => {
        if (IS_DENIED.test(error.message)) return ASSUMED;
        throw error;
      });
      const shown = sections.length === 0 ? text.replace(POLICY, '') : text;
      callback?.(null, shown);
      return shown;
    } catch (error) {
      callback?.(error as Error);
      throw error;
    }
  };
  redis.info = tolerant as typeof redis.info;
  const duplicate = redis.duplicate.bind(redis) as (...args: unknown[]) => RedisClient;
  redis.duplicate = ((...args: unknown[]) =>
    tolerateNoInfo(surviveLateErrors(duplicate(...args)))) as typeof redis.duplicate;
  return redis;
}

type InfoCallback = (error: Error | null, text?: string) => void;
