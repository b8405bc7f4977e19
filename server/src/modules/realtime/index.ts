import type { Logger } from 'pino';
import { type Clock, MINUTE, SECOND } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Actor, Origin } from '../../platform/http/caller.ts';
import type { RouteCatalogue } from '../../platform/http/catalogue.ts';
import type { Authorize } from '../../platform/http/guard.ts';
import type { Part } from '../../platform/http/part.ts';
import { createConnection, PING_EVERY } from '../../platform/websocket/connection.ts';
import { type CommittedEvent, type Topic, topicOf } from '../../platform/websocket/topic.ts';
import { type Client, createClient } from './client.ts';
import { type CommittedEvents, createEventFeed } from './event-feed.ts';
import { createHub } from './hub.ts';
import { type Accept, realtimeRoutes } from './routes.ts';
import { createTopics, type Topics } from './topics.ts';

export interface Realtime {
  part: Part;
  /** Something was committed. */
  wake(): void;
  /** Ends all connections: the process stops. */
  stop(): void;
}

/** Connections of one person. */
const MOST_OF_PERSON = 50;
/** Connections of one address that have not shown who they are. */
const MOST_UNPROVED = 100;
/** How often those that could not take everything are looked at, and whether what is remembered is still true. */
const LOOK_EVERY = SECOND / 2;
/** How long hints are kept after the last follower left, for those who come back. */
const LINGER = 2 * MINUTE;

const ADMIN = '/api/v1/admin';

/** Topics that are made from events, whatever their module; others are in the parts of their modules. */
const EVENT_TOPICS: readonly Topic[] = [
  { name: 'events', permission: `GET:${ADMIN}/events`, about: () => '' },
  topicOf('users', `GET:${ADMIN}/users`, 'user'),
  topicOf('roles', `GET:${ADMIN}/roles`, 'role'),
  topicOf('keys', `GET:${ADMIN}/keys`, 'key'),
  topicOf('schedules', `GET:${ADMIN}/schedules`, 'schedule'),
  topicOf('sessions', `GET:${ADMIN}/users/{id}/sessions`, 'session'),
  { name: 'user:{id}', permission: `GET:${ADMIN}/users/{id}`, about: ({ userId }) => userId },
  { name: 'me', permission: null, about: ({ userId }) => userId },
];

/**
 * Hints that something changed, over WebSockets: `createRealtime({ ...ground, config, stores, topics, … })`. They are committed events of
 * all instances, and what the topics of parts watch.
 */
export function createRealtime(deps: {
  config: Config;
  /** Of each database in use. */
  stores: readonly CommittedEvents[];
  /** Of all parts; asked once, when all routes are there. */
  topics: () => readonly Topic[];
  actorOf: (token: string, from: Origin) => Promise<Actor | null>;
  authorize: Authorize;
  catalogue: RouteCatalogue;
  /** While nobody can know of revocations, nobody is told anything. */
  isBlind: () => boolean;
  clock: Clock;
  log: Logger;
}): Realtime {
  const { config, actorOf, isBlind, clock, log } = deps;
  const hub = createHub();
  const clients = new Set<Client>();
  const byCredential = new Map<string, Set<Client>>();
  const bySubject = new Map<string, Set<Client>>();
  const unproved = new Map<string, number>();
  /** How watched topics are no longer watched. */
  const watched = new Map<Topic, () => void>();
  const onEvent = (event: CommittedEvent) => {
    for (const key of topics().keysOf(event)) hub.publish(key, event);
  };
  // One for each database: while one is away, the others go on.
  const feeds = deps.stores.map((store) => createEventFeed({ store, onEvent, clock, log }));
  const wake = () => {
    for (const feed of feeds) feed.wake();
  };
  const stopFeeds = () => {
    for (const feed of feeds) feed.stop();
  };
  let known: Topics | undefined;
  let looking: NodeJS.Timeout | undefined;
  let beating: NodeJS.Timeout | undefined;
  let lingering: NodeJS.Timeout | undefined;
  let isStopping = false;

  function topics(): Topics {
    known ??= createTopics([...EVENT_TOPICS, ...deps.topics()], deps);
    return known;
  }

  /** Watches what somebody follows, and nothing else. */
  function followSources(): void {
    for (const topic of topics().all()) {
      if (topic.watch === undefined) continue;
      const stop = watched.get(topic);
      const isFollowed = hub.hasFollowers(topic.name);
      if (isFollowed && stop === undefined) {
        watched.set(
          topic,
          topic.watch((happening) => hub.publish(topic.name, happening)),
        );
      } else if (!isFollowed && stop !== undefined) {
        stop();
        watched.delete(topic);
      }
    }
  }

  function look(): void {
    for (const client of clients) {
      if (isBlind()) client.close('tryLater');
      else client.look();
    }
  }

  function begin(beats: Set<() => void>): void {
    clearTimeout(lingering);
    for (const feed of feeds) feed.start();
    looking ??= setInterval(look, LOOK_EVERY).unref();
    beating ??= setInterval(() => {
      for (const beat of beats) beat();
      hub.tidy(LINGER);
    }, PING_EVERY).unref();
  }

  function rest(): void {
    if (clients.size > 0) return;
    clearInterval(looking);
    clearInterval(beating);
    looking = undefined;
    beating = undefined;
    lingering = setTimeout(() => {
      stopFeeds();
      hub.tidy(0);
    }, LINGER).unref();
  }

  const beats = new Set<() => void>();

  const accept: Accept = (socket, { address, from, token }) => {
    // Who brings a token is not one of them: all pages of an office come back at once.
    const waiting = token === null ? (unproved.get(address) ?? 0) : 0;
    let leave: (() => void)[] = [];
    let isProved = token !== null;
    const prove = () => {
      if (isProved) return;
      isProved = true;
      const left = (unproved.get(address) ?? 1) - 1;
      if (left > 0) unproved.set(address, left);
      else unproved.delete(address);
    };
    if (!isProved) unproved.set(address, waiting + 1);
    const startedAt = performance.now();
    const connection = createConnection(socket, {
      onMessage: (message) => client.receive(message),
      onClose(code) {
        prove();
        client.end();
        clients.delete(client);
        beats.delete(connection.beat);
        for (const each of leave) each();
        leave = [];
        rest();
        log.info({ ip: address, code, duration: Math.round(performance.now() - startedAt) }, 'websocket closed');
      },
    });
    const client = createClient(connection, {
      actorOf: (given) => actorOf(given, from),
      topics: topics(),
      hub,
      clock,
      onTopics: followSources,
      onSignedIn({ subject, via }) {
        prove();
        leave = [enter(byCredential, via.id, client), enter(bySubject, subject.id, client)];
        return (bySubject.get(subject.id)?.size ?? 0) <= MOST_OF_PERSON;
      },
    });
    clients.add(client);
    beats.add(connection.beat);
    begin(beats);
    if (isStopping) client.close('goingAway');
    else if (waiting >= MOST_UNPROVED) client.close('tooMany');
    else if (token !== null) client.authenticate(token);
  };

  function recheck(affected: Iterable<Client>): void {
    for (const client of affected) client.recheck();
  }

  function evict(target: string): void {
    if (clients.size === 0) return;
    wake();
    const [kind, id = ''] = target.split(':', 2);
    // After all parts have forgotten what they remember.
    setImmediate(() => {
      if (kind === 'session' || kind === 'api_key') recheck(byCredential.get(id) ?? []);
      else if (kind === 'user' || kind === 'service_account') recheck(bySubject.get(id) ?? []);
      else if (kind !== 'key') recheck(clients);
    });
  }

  return {
    part: {
      routes: [realtimeRoutes({ config, accept, check: () => void topics() })],
      remembers: { evict, clear: () => void setImmediate(() => recheck(clients)) },
    },
    wake,
    stop() {
      isStopping = true;
      for (const client of clients) client.close('goingAway');
      for (const stop of watched.values()) stop();
      watched.clear();
      clearTimeout(lingering);
      stopFeeds();
    },
  };
}

/** Answers how to leave again. */
function enter(groups: Map<string, Set<Client>>, key: string, client: Client): () => void {
  const group = groups.get(key) ?? new Set();
  groups.set(key, group.add(client));
  return () => {
    group.delete(client);
    if (group.size === 0) groups.delete(key);
  };
}
