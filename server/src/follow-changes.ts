import type { EventDraft, EventLog } from './modules/events/index.ts';
import type { Realtime } from './modules/realtime/index.ts';
import type { Replicas } from './modules/replicas/replicas.ts';
import type { Database } from './platform/database/database.ts';
import { type Part, rememberedBy } from './platform/http/part.ts';
import { createBus } from './platform/redis/bus.ts';
import type { RedisConnections } from './platform/redis/connect.ts';
import type { Signal } from './platform/signal.ts';

/** A change with its event, and the database that has both. */
export interface Commit {
  event: EventDraft;
  database: Database;
}

export interface Changes {
  /** Reads the changes of other instances from the database from now on. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Reads them once, now. */
  poll(): Promise<void>;
}

/**
 * Acts on each commit of this process, and keeps what the parts remember true to the database: own commits evict immediately, those of
 * other instances when the bus says so, and at the latest when the feed is read. `followChanges({ parts, commits, eventLog, … })`.
 */
export function followChanges(deps: {
  parts: readonly Part[];
  /** Those of them that modules of others have added. */
  addedParts: readonly Part[];
  commits: Signal<Commit>;
  eventLog: EventLog;
  replicas: Pick<Replicas<unknown>, 'wrote'>;
  realtime: Pick<Realtime, 'wake'>;
  redis: RedisConnections | null;
}): Changes {
  const { commits, eventLog, replicas, realtime, redis } = deps;
  const remembered = rememberedBy(deps.parts);
  const feed = eventLog.follow(remembered, rememberedBy(deps.addedParts));
  // A lost message only delays an eviction: the feed is read anyway.
  const onGap = () => void feed.poll().catch(() => {});
  const bus = redis && createBus({ redis, onMessage: remembered.evict, onGap });
  commits.listen(({ event: { evicts, pending, target, actorId, userId }, database }) => {
    if (evicts) {
      remembered.evict(target);
      bus?.publish(target);
    }
    if (pending) eventLog.delivers(database);
    realtime.wake();
    const writer = actorId ?? userId;
    if (writer) replicas.wrote(writer);
  });
  return {
    start: feed.start,
    async stop() {
      bus?.close();
      await feed.stop();
    },
    poll: feed.poll,
  };
}
