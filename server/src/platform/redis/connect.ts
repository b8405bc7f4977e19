import { Redis } from 'ioredis';
import { SECOND } from '../clock.ts';

const CONNECT_TIMEOUT = 2 * SECOND;
/** A server that says nothing for so long is taken for dead. */
const SILENCE = 3 * SECOND;
const LONGEST_PAUSE = 1 * SECOND;
/** Reconnections that one command waits for: it fails within a second instead of hanging. */
const RETRIES = 3;

export interface RedisConnections {
  /** For commands of requests: fails soon while Redis is away. */
  commands: Redis;
  /** One more connection, whose commands wait until Redis is back: for what blocks or subscribes. The caller closes it. */
  patient(): Redis;
  /** Rejects where there is no answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Connects to `redis:` or `rediss:`, and again whenever the connection is lost. Answers at once, also where nobody is there. */
export function connectRedis(
  url: string,
  { onAway, onBack }: { onAway: (error: Error) => void; onBack: () => void },
): RedisConnections {
  const common = {
    connectTimeout: CONNECT_TIMEOUT,
    retryStrategy: (times: number) => Math.min(times * 100, LONGEST_PAUSE),
  };
  const open = (retries: number | null) => {
    const silence = retries === null ? {} : { socketTimeout: SILENCE };
    const redis = new Redis(url, { ...common, ...silence, maxRetriesPerRequest: retries });
    redis.on('error', onAway);
    redis.on('ready', onBack);
    return redis;
  };
  const commands = open(RETRIES);
  return {
    commands,
    patient: () => open(null),
    async ping() {
      await commands.ping();
    },
    async close() {
      commands.disconnect();
    },
  };
}
