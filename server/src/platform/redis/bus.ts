import { randomBytes } from 'node:crypto';
import { SECOND } from '../clock.ts';
import type { RedisConnections } from './connect.ts';

/** What instances tell each other at once. Messages may be lost: whatever must be known is known by other means, too, only later. */
export interface Bus {
  /** Tells the other instances; an empty message tells nothing. Never throws: a bus that is away loses messages. */
  publish(message: string): void;
  close(): void;
}

const CHANNEL = 'ostiary:changes';
const NAME_BYTES = 9;
const HEARTBEAT_EVERY = 5 * SECOND;
/** So many heartbeats that Redis took and that did not come back: the connection looks open and is not. */
const DEAF_AFTER = 3;

/** Listens from the start; `onGap` is called whenever messages may have been missed. */
export function createBus(deps: {
  redis: RedisConnections;
  onMessage: (message: string) => void;
  onGap: () => void;
  channel?: string;
  /** Milliseconds between two looks whether it still hears. */
  heartbeatEvery?: number;
}): Bus {
  const { redis, onMessage, onGap, channel = CHANNEL, heartbeatEvery = HEARTBEAT_EVERY } = deps;
  const me = randomBytes(NAME_BYTES).toString('base64url');
  let unheard = 0;
  const listener = redis.patient();
  listener.on('message', (_channel: string, text: string) => {
    const message = text.slice(me.length);
    if (text.startsWith(me)) unheard = 0;
    else if (message !== '') onMessage(message);
  });
  // Also after every reconnection, which subscribes again by itself: nobody knows what was said meanwhile.
  listener.on('ready', onGap);
  listener.subscribe(channel).then(onGap, () => {});

  // Who only listens sends nothing, and would never notice that the other end vanished without a word.
  const heart = setInterval(() => {
    if (unheard >= DEAF_AFTER) {
      unheard = 0;
      listener.disconnect(true);
      return;
    }
    redis.hasty.publish(channel, me).then(
      () => {
        unheard += 1;
      },
      () => {},
    );
  }, heartbeatEvery).unref();

  return {
    publish(message) {
      redis.hasty.publish(channel, me + message).catch(() => {});
    },
    close() {
      clearInterval(heart);
      // The connection may bring something yet while it ends.
      listener.removeAllListeners('message');
      listener.removeListener('ready', onGap);
      listener.disconnect();
    },
  };
}
