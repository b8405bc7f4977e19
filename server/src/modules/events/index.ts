import type { Logger } from 'pino';
import type { Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Lists } from '../../platform/http/paging.ts';
import type { Part, Remembers } from '../../platform/http/part.ts';
import type { ReadLists } from '../replicas/replicas.ts';
import type { Periodic } from '../schedules/periodic.ts';
import { eventAdminRoutes } from './admin-routes.ts';
import { createEventRecorder, type RecordEvent } from './event-recorder.ts';
import type { EventStore } from './event-store.ts';
import type { Events } from './events.ts';
import { createEvictionFeed, type EvictionFeed } from './eviction-feed.ts';
import { registerEventPurge } from './jobs.ts';
import { createRelay, type Relay } from './relay.ts';
import { type EventLists, eventRoutes } from './routes.ts';

export type { EventDraft } from './event-store.ts';
export { createEvents, type Events } from './events.ts';
export type { Relay } from './relay.ts';

export interface EventLog {
  /** Delivers events to their handlers. */
  relay: Relay;
  record: RecordEvent;
  /** Evicts what any instance changes, once the feed is started. */
  follow(remembered: Remembers): EvictionFeed;
  /** Nothing was read for so long that what is remembered may be untrue; so it is before anything was. */
  isBlind(): boolean;
}

/** What is made of events that were committed: `createEventLog({ ...ground, store: storage.events })`. */
export function createEventLog(deps: {
  events: Events;
  store: EventStore;
  /** Milliseconds without a read after which what is remembered counts as out of date. */
  blindAfter?: number | undefined;
  clock: Clock;
  log: Logger;
}): EventLog {
  const { store, blindAfter, log } = deps;
  let feed: EvictionFeed | null = null;
  return {
    relay: createRelay(deps),
    record: createEventRecorder(deps),
    follow({ evict, clear }) {
      feed = createEvictionFeed({ store, evict, evictAll: async () => clear(), blindAfter, log });
      return feed;
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
