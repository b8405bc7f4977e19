import { randomBytes } from 'node:crypto';
import { SECOND } from '../clock.ts';
import type { RedisConnections } from './connect.ts';

/** Immediate messages between instances. Messages may be lost: a receiver must also learn of everything in another way, later. */
export interface Bus {
  /** Publishes to the other instances; an empty message publishes nothing. Never throws: messages are lost while Redis is away. */
  publish(message: string): void;
  close(): void;
}

const CHANNEL = 'changes';
const NAME_BYTES = 9;
const HEARTBEAT_EVERY = 5 * SECOND;
/** Heartbeats that Redis accepted and that did not come back: beyond this number the connection only looks open. */
const DEAF_AFTER = 3;

/** Subscribes at once: `createBus({ … }).publish(target)`; `onGap` is called whenever messages may have been missed. */
export function createBus(deps: {
  redis: RedisConnections;
  onMessage: (message: string) => void;
  onGap: () => void;
  channel?: string;
  /** Milliseconds between two checks of the subscription. */
  heartbeatEvery?: number;
}): Bus {
  const { redis, onMessage, onGap, heartbeatEvery = HEARTBEAT_EVERY } = deps;
  const channel = `${redis.space}:${deps.channel ?? CHANNEL}`;
  const me = randomBytes(NAME_BYTES).toString('base64url');
  let unheard = 0;
  const listener = redis.patient();
  listener.on('message', (_channel: string, text: string) => {
    const message = text.slice(me.length);
    if (text.startsWith(me)) unheard = 0;
    else if (message !== '') onMessage(message);
  });
  // Also after every reconnection, which subscribes again by itself: messages may have been missed meanwhile.
  listener.on('ready', onGap);
  listener.subscribe(channel).then(onGap, () => {});

  // A subscriber sends nothing, and would never notice that the other end vanished silently.
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
      // Messages may still arrive while the connection ends.
      listener.removeAllListeners('message');
      listener.removeListener('ready', onGap);
      listener.disconnect();
    },
  };
}
