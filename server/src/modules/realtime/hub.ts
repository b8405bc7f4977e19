import { randomBytes } from 'node:crypto';
import type { Happening } from '../../platform/websocket/topic.ts';
import type { Hint } from './messages.ts';

/** Hints of a topic that are kept for those who come back. */
const KEPT = 256;

export interface Follower {
  /** `text`: the hint as JSON, made once for all followers. */
  tell(hint: Hint, text: string): void;
}

interface Channel {
  seq: number;
  /** The latest hints, the oldest first. */
  kept: Hint[];
  followers: Set<Follower>;
  /** When the last follower left, by `now`. */
  leftAt: number;
}

/** Who follows what in this process, and the latest hints of each topic. */
export interface Hub {
  /** Whose numbers the hints have. */
  stream: string;
  /**
   * Follows a topic from now on; `since`: the last number that the follower knows. Answers the present number, and the hints that it missed; null
   * if they are not known any more.
   */
  join(topic: string, follower: Follower, since: number | null): { seq: number; missed: Hint[] | null };
  leave(topic: string, follower: Follower): void;
  /** Tells all who follow the topic. Nothing for topics that nobody ever followed. */
  publish(topic: string, happening: Happening): void;
  /** The present number of a topic. */
  seqOf(topic: string): number;
  hasFollowers(topic: string): boolean;
  /** Forgets topics that nobody has followed for so many milliseconds: an administrator looks at thousands of users, one after the other. */
  tidy(milliseconds: number): void;
}

/** `now`: milliseconds from any origin. */
export function createHub({ now = () => performance.now() }: { now?: () => number } = {}): Hub {
  const channels = new Map<string, Channel>();
  const stream = randomBytes(12).toString('base64url');

  return {
    stream,

    join(topic, follower, since) {
      const channel = channels.get(topic) ?? { seq: 0, kept: [], followers: new Set(), leftAt: 0 };
      channels.set(topic, channel);
      channel.followers.add(follower);
      const { seq, kept } = channel;
      if (since === null || since === seq) return { seq, missed: [] };
      const first = kept[0]?.seq ?? seq + 1;
      // A number of the future is of another stream.
      if (since > seq || since < first - 1) return { seq, missed: null };
      return { seq, missed: kept.filter((hint) => hint.seq > since) };
    },

    leave(topic, follower) {
      const channel = channels.get(topic);
      channel?.followers.delete(follower);
      if (channel?.followers.size === 0) channel.leftAt = now();
    },

    publish(topic, { kind, target, version, at, progress }) {
      const channel = channels.get(topic);
      if (channel === undefined) return;
      channel.seq += 1;
      const hint: Hint = { topic, seq: channel.seq, kind, target, version, at: at.toISOString() };
      if (progress !== undefined) hint.progress = progress;
      channel.kept.push(hint);
      if (channel.kept.length > KEPT) channel.kept.shift();
      const text = JSON.stringify(hint);
      for (const follower of channel.followers) follower.tell(hint, text);
    },

    seqOf: (topic) => channels.get(topic)?.seq ?? 0,
    hasFollowers: (topic) => (channels.get(topic)?.followers.size ?? 0) > 0,

    tidy(milliseconds) {
      for (const [topic, { followers, leftAt }] of channels) {
        if (followers.size === 0 && now() - leftAt >= milliseconds) channels.delete(topic);
      }
    },
  };
}
