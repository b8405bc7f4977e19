import { randomBytes } from 'node:crypto';
import type { RedisConnections } from './connect.ts';

/** What instances tell each other at once. Messages may be lost: whatever must be known is known by other means, too, only later. */
export interface Bus {
  /** Tells the other instances. Never throws: a bus that is away loses messages. */
  publish(message: string): void;
  close(): void;
}

const CHANNEL = 'ostiary:changes';
const NAME_BYTES = 9;

/** Listens from the start; `onGap` is called whenever messages may have been missed. */
export function createBus(deps: {
  redis: RedisConnections;
  onMessage: (message: string) => void;
  onGap: () => void;
  channel?: string;
}): Bus {
  const { redis, onMessage, onGap, channel = CHANNEL } = deps;
  const me = randomBytes(NAME_BYTES).toString('base64url');
  const listener = redis.patient();
  listener.on('message', (_channel: string, text: string) => {
    const sender = text.slice(0, me.length);
    if (sender !== me) onMessage(text.slice(me.length));
  });
  // Also after every reconnection, which subscribes again by itself: nobody knows what was said meanwhile.
  listener.on('ready', onGap);
  listener.subscribe(channel).then(onGap, () => {});

  return {
    publish(message) {
      redis.hasty.publish(channel, me + message).catch(() => {});
    },
    close: () => listener.disconnect(),
  };
}
