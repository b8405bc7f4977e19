import type { RedisClient } from '../redis/connect.ts';
import { parseRecord } from './bullmq-records.ts';
import type { JobRecord } from './queue.ts';
import { unreadableRecord } from './read-job.ts';

/** The record, or that it cannot be read. */
function read(name: string, id: string, text: string | null): JobRecord {
  const record = text === null ? null : parseRecord(text);
  return record ?? unreadableRecord(name, id, 'cancelled');
}

/** Cancelled jobs in Redis: BullMQ forgets jobs that are removed from its lists. */
export function createCancelledJobs(deps: { redis: RedisClient; prefix: string; keep: number }) {
  const { redis, prefix, keep } = deps;
  const keys = (name: string) => [`${prefix}:${name}:cancelled-at`, `${prefix}:${name}:cancelled-jobs`] as const;

  return {
    async add(job: JobRecord): Promise<void> {
      const [times, records] = keys(job.name);
      const tooOld = await redis.zrangebyscore(times, 0, Date.now() - keep);
      const change = redis.multi().zadd(times, Date.now(), job.id).hset(records, job.id, JSON.stringify(job));
      if (tooOld.length > 0) change.zrem(times, ...tooOld).hdel(records, ...tooOld);
      await change.exec();
    },

    async find(name: string, id: string): Promise<JobRecord | null> {
      const [times, records] = keys(name);
      const [text, time] = await Promise.all([redis.hget(records, id), redis.zscore(times, id)]);
      return text === null && time === null ? null : read(name, id, text);
    },

    /** The latest cancelled first. */
    async list(name: string, limit: number): Promise<JobRecord[]> {
      const [times, records] = keys(name);
      const ids = await redis.zrevrange(times, 0, limit - 1);
      if (ids.length === 0) return [];
      const texts = await redis.hmget(records, ...ids);
      return ids.map((id, index) => read(name, id, texts[index] ?? null));
    },

    count: (name: string): Promise<number> => redis.zcard(keys(name)[0]),

    /** False if there was none. */
    async remove(name: string, id: string): Promise<boolean> {
      const [times, records] = keys(name);
      const results = await redis.multi().hdel(records, id).zrem(times, id).exec();
      return results?.some(([, removed]) => removed === 1) ?? false;
    },
  };
}
