import { after, type Clock, SECOND } from '../../platform/clock.ts';
import type { Actor } from '../../platform/http/caller.ts';
import { faultsOf } from '../../platform/queue/check-args.ts';
import type { CloseReason, Connection } from '../../platform/websocket/connection.ts';
import type { Follower, Hub } from './hub.ts';
import { type ClientMessage, clientMessage, MOST_TOPICS, type ServerMessage } from './messages.ts';
import type { NamedTopic, Topics } from './topics.ts';

/** How long a client may take to show who it is. */
const PROVE_WITHIN = 10 * SECOND;

/** One client of the WebSocket: who it is, and what it follows. */
export interface Client {
  receive(message: unknown): void;
  /** Shows who it is, as the message `authenticate` does. */
  authenticate(token: string): void;
  /** Something changed that may concern its session, account or roles: everything is asked again. */
  recheck(): void;
  /** Ends the connection of a token that has run out; tells of topics whose hints it could not take, once it has read what waited. */
  look(): void;
  close(reason: CloseReason): void;
  /** After the connection is closed. */
  end(): void;
}

export interface ClientDeps {
  /** Whom a token speaks for; null if for nobody. Throws while nobody can know of revocations. */
  actorOf: (token: string) => Promise<Actor | null>;
  topics: Topics;
  hub: Hub;
  /** Called once it has shown who it is. False: this person has too many connections. */
  onSignedIn: (actor: Actor) => boolean;
  /** Called after it follows, or ceases to follow, a topic. */
  onTopics: () => void;
  clock: Clock;
}

/** What a client may do over its connection: `createClient(connection, { … })`. Its messages are handled one after the other. */
export function createClient(connection: Connection, deps: ClientDeps): Client {
  const { actorOf, topics, hub, onSignedIn, onTopics, clock } = deps;
  const followed = new Map<string, NamedTopic>();
  /** Topics by their names in the hub, of which hints were left out. */
  const behind = new Set<string>();
  let token: string | null = null;
  let actor: Actor | null = null;
  let work = Promise.resolve();
  let isRechecking = false;
  let isOver = false;
  /** Until when it has to show who it is, again or at all. */
  let deadline = after(clock(), PROVE_WITHIN);

  const send = (message: ServerMessage) => connection.send(message);
  const nameOf = (key: string) => [...followed].find(([, named]) => named.key === key)?.[0];

  const follower: Follower = {
    tell(hint, text) {
      const { topic: key } = hint;
      if (behind.has(key)) return;
      const isSent = followed.has(key) ? connection.sendText(text) : send({ ...hint, topic: nameOf(key) ?? key });
      if (!isSent) behind.add(key);
    },
  };

  /** One after the other; whatever fails ends the connection, because nobody could tell what holds. */
  function queue(step: () => Promise<void>): void {
    work = work.then(async () => {
      if (!isOver) await step().catch(() => connection.close('tryLater'));
    });
  }

  async function signIn(given: string): Promise<void> {
    const found = await actorOf(given);
    // A new token continues this session, and no other: what was granted to it stays granted.
    if (found === null || (actor !== null && !isSame(found, actor))) return connection.close('unauthenticated');
    const isFirst = actor === null;
    token = given;
    actor = found;
    if (isFirst && !onSignedIn(found)) return connection.close('tooMany');
    deadline = new Date(found.via.expiresAt);
    send({ ready: { stream: hub.stream, expiresAt: deadline.toISOString() } });
  }

  async function follow(name: string, since: number | null): Promise<void> {
    if (actor === null) return;
    const named = topics.find(name, actor);
    if (named === null) return void send({ refused: name, code: 'not_found' });
    const code = await topics.refusal(named, actor);
    if (code !== null) return void send({ refused: name, code });
    if (!followed.has(name) && followed.size >= MOST_TOPICS) return connection.close('tooMany');
    if (isOver) return;
    followed.set(name, named);
    behind.delete(named.key);
    const { seq, missed } = hub.join(named.key, follower, since);
    onTopics();
    send({ subscribed: name, seq });
    if (missed === null) send({ resync: name, seq });
    else for (const hint of missed) follower.tell(hint, JSON.stringify(hint));
  }

  function unfollow(name: string): void {
    const named = followed.get(name);
    if (named === undefined) return;
    followed.delete(name);
    behind.delete(named.key);
    hub.leave(named.key, follower);
    onTopics();
  }

  async function handle(message: ClientMessage): Promise<void> {
    if ('authenticate' in message) return signIn(message.authenticate);
    if (actor === null) return connection.close('unauthenticated');
    if ('unsubscribe' in message) {
      for (const name of message.unsubscribe) {
        unfollow(name);
        send({ unsubscribed: name });
      }
      return;
    }
    const { subscribe, since = {}, stream = hub.stream } = message;
    for (const name of subscribe) {
      const known = Object.hasOwn(since, name) ? (since[name] ?? null) : null;
      // Numbers of another process tell nothing here.
      await follow(name, known === null || stream === hub.stream ? known : Number.MAX_SAFE_INTEGER);
    }
  }

  async function checkAgain(): Promise<void> {
    if (token === null) return;
    const found = await actorOf(token);
    if (found === null) return connection.close(clock() >= deadline ? 'unauthenticated' : 'signedOut');
    actor = found;
    for (const [name, named] of followed) {
      const code = await topics.refusal(named, found);
      if (code === null) continue;
      unfollow(name);
      send({ refused: name, code });
    }
  }

  return {
    receive(message) {
      if (faultsOf(clientMessage, message).length > 0) return connection.close('malformed');
      queue(() => handle(message as ClientMessage));
    },

    authenticate: (given) => queue(() => signIn(given)),

    recheck() {
      if (isRechecking) return;
      isRechecking = true;
      queue(async () => {
        isRechecking = false;
        await checkAgain();
      });
    },

    look() {
      if (clock() >= deadline) connection.close('unauthenticated');
      if (behind.size === 0 || !connection.isDrained()) return;
      for (const key of behind) {
        const topic = nameOf(key);
        if (topic !== undefined) send({ resync: topic, seq: hub.seqOf(key) });
      }
      behind.clear();
    },

    close: connection.close,

    end() {
      isOver = true;
      for (const name of [...followed.keys()]) unfollow(name);
    },
  };
}

const isSame = (a: Actor, b: Actor): boolean =>
  a.subject.kind === b.subject.kind &&
  a.subject.id === b.subject.id &&
  a.via.kind === b.via.kind &&
  a.via.id === b.via.id;
