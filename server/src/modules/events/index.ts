import type { Logger } from 'pino';
import type { Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Database } from '../../platform/database/database.ts';
import type { Lists } from '../../platform/http/paging.ts';
import type { Part, Remembers } from '../../platform/http/part.ts';
import type { ReadLists } from '../replicas/replicas.ts';
import type { Periodic } from '../schedules/periodic.ts';
import { eventAdminRoutes } from './admin-routes.ts';
import { createEventRecorder, type RecordEvent } from './event-recorder.ts';
import type { EventStore } from './event-store.ts';
import type { Events } from './events.ts';
import { createEvictionFeed, type EvictionFeed, joinFeeds } from './eviction-feed.ts';
import { registerEventPurge } from './jobs.ts';
import { createRelay, joinRelays, type Relay } from './relay.ts';
import { type EventLists, eventRoutes } from './routes.ts';

export type { EventDraft } from './event-store.ts';
export { createEvents, type Events } from './events.ts';
export { joinHistories } from './join-histories.ts';
export type { Relay } from './relay.ts';

/** The events of one database. */
export interface History {
  database: Database;
  events: EventStore;
}

export interface EventLog {
  /** Delivers events to their handlers, from every database. */
  relay: Relay;
  /** An event that has handlers was committed there. */
  delivers(database: Database): void;
  record: RecordEvent;
  /**
   * Evicts what any instance changes, once the feed is started. While a database beside the main one is away, only what added modules remember
   * may be untrue, and is forgotten: nobody else remembers what is there.
   */
  follow(remembered: Remembers, ofAdded: Remembers): EvictionFeed;
  /** Nothing was read from the main database for so long that what is remembered may be untrue; so it is before anything was. */
  isBlind(): boolean;
}

/** What is made of events that were committed: `createEventLog({ ...ground, histories })`. */
export function createEventLog(deps: {
  events: Events;
  /** Of each database in use, the main one first. */
  histories: readonly [main: History, ...others: History[]];
  /** Milliseconds without a read after which what is remembered counts as out of date. */
  blindAfter?: number | undefined;
  clock: Clock;
  log: Logger;
}): EventLog {
  const { blindAfter, log } = deps;
  const [{ events: store }, ...others] = deps.histories;
  const relays = new Map(
    deps.histories.map(({ database, events }) => [database, createRelay({ ...deps, store: events })]),
  );
  let feed: EvictionFeed | null = null;
  return {
    relay: joinRelays([...relays.values()]),
    delivers: (database) => relays.get(database)?.wake(),
    record: createEventRecorder({ ...deps, store }),
    follow({ evict, clear }, ofAdded) {
      feed = createEvictionFeed({ store, evict, evictAll: async () => clear(), blindAfter, log });
      const feeds = others.map(({ events }) => {
        const evictAll = async () => ofAdded.clear();
        return createEvictionFeed({ store: events, evict, evictAll, forgetsWhileBlind: true, blindAfter, log });
      });
      return joinFeeds(feed, feeds);
    },
    isBlind: () => feed?.isBlind() ?? true,
  };
}

/**
 * The history, for people and administrators, and how long it is kept:
 * `createHistory({ ...ground, store: storage.events, periodic, config, readLists, list, getUser })`.
 */
export function createHistory(deps: {
  store: EventStore;
  periodic: Periodic;
  config: Pick<Config, 'eventRetention'>;
  readLists: ReadLists<EventLists>;
  list: Lists;
  /** Throws `user_not_found`. */
  getUser: (id: string) => Promise<{ id: string }>;
  clock: Clock;
}): Part {
  registerEventPurge({ ...deps, retention: deps.config.eventRetention });
  return { routes: [eventRoutes(deps), eventAdminRoutes(deps)] };
}
