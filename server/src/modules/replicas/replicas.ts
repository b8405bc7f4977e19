import type { Logger } from 'pino';
import { after, type Clock, DAY, MINUTE, SECOND } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/database.ts';
import { newId } from '../../platform/ids.ts';
import { createOutageLog } from '../../platform/telemetry/outage-log.ts';
import type { HeartbeatStore } from './heartbeat-store.ts';
import { createLastWrites } from './last-writes.ts';

/** Milliseconds between two heartbeats, and between two looks at every replica. */
const HEARTBEAT_EVERY = 2 * SECOND;
/** Nobody is shown anything older than this, in milliseconds. */
export const MOST_LAG = 10 * SECOND;
/** The heartbeats of processes that are long gone are forgotten after this. */
const KEPT = DAY;
/** Milliseconds between two lines about reads that failed: a replay that cancels many must not fill the log. */
const COMPLAINTS = MINUTE;
/** Their changes are remembered, to show them those at once. */
const WRITERS = 10_000;

/** A replica of the database, not yet connected. */
export interface ReplicaSource {
  /** For the log: host and port. */
  name: string;
  /** Throws `DatabaseUnreachable`. */
  open(): Promise<Database>;
}

/**
 * Reads what may be a little old, from a replica or, where none serves this reader, from the primary. `read` is called with the stores to
 * read from, and again with the primary's when the replica fails; so it must do nothing but read.
 */
export type ReadLists<Stores> = <T>(readerId: string, read: (stores: Stores) => Promise<T>) => Promise<T>;

export interface Replicas<Stores> {
  read: ReadLists<Stores>;
  /** Somebody has just changed something by this process: they must see it in every list from now on. */
  wrote(who: string): void;
  /** No replica is known to be away or too far behind. */
  allServe(): boolean;
  /** Gives a heartbeat and looks at every replica at once. */
  poll(): Promise<void>;
  start(): void;
  stop(): Promise<void>;
}

interface Replica<Stores> {
  name: string;
  open: ReplicaSource['open'];
  outage: ReturnType<typeof createOutageLog>;
  /** Null: not yet connected. */
  connected: { database: Database; stores: Stores } | null;
  /** Everything that was committed before this heartbeat is on the replica. */
  heartbeat: Date | null;
  /** `suspect`: a read failed, and nobody has looked since. */
  state: 'well' | 'suspect' | 'out';
  looking: Promise<void> | null;
  /** When the log was last told of a failed read, in milliseconds. */
  complainedAt: number;
}

/**
 * The replicas of the database, each used while it is near enough. How near tells a heartbeat: this process writes the time into a row of its
 * own, of the primary, and whatever was committed before it is on a replica that shows it. That needs no privilege, holds on every kind of
 * database, and compares a clock with itself; a replica that lacks a migration, or is one of another database, shows no heartbeat.
 */
export function createReplicas<Stores extends { heartbeats: Pick<HeartbeatStore, 'find'> }>(deps: {
  sources: ReplicaSource[];
  primary: Stores & { heartbeats: HeartbeatStore };
  storesOf: (replica: Database) => Stores;
  /** Must not be set back: an old heartbeat would pass for a new one. */
  clock: Clock;
  log: Logger;
}): Replicas<Stores> {
  const { primary, storesOf, clock, log } = deps;
  const id = newId(clock());
  const writes = createLastWrites(WRITERS);
  const beating = createOutageLog(log, 'giving a heartbeat to the replicas');
  const replicas = deps.sources.map(({ name, open }): Replica<Stores> => {
    const outage = createOutageLog(log, `reading from the replica ${name}`);
    return {
      name,
      open,
      outage,
      connected: null,
      heartbeat: null,
      state: 'well',
      looking: null,
      complainedAt: Number.NEGATIVE_INFINITY,
    };
  });
  /** The heartbeats that reached the primary lately, in milliseconds. */
  const given: number[] = [];
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function heartbeat(): Promise<void> {
    // Taken before the row is written: what is committed meanwhile may come to a replica after it.
    const at = clock();
    await primary.heartbeats.heartbeat(id, at);
    given.push(at.getTime());
    while ((given[0] ?? 0) < at.getTime() - 2 * MOST_LAG) given.shift();
  }

  async function storesOn(replica: Replica<Stores>): Promise<Stores> {
    if (!replica.connected) {
      const database = await replica.open();
      // Too late for `stop` to close it.
      if (stopped) await database.close();
      replica.connected = { database, stores: storesOf(database) };
    }
    return replica.connected.stores;
  }

  /** How long there has been a heartbeat that it lacks. Not for how long it had no heartbeat: that may be the fault of the primary. */
  function lagOf({ heartbeat }: Replica<Stores>): number {
    const seen = heartbeat?.getTime() ?? Number.NEGATIVE_INFINITY;
    const missing = given.find((time) => time > seen);
    return missing === undefined ? 0 : (given.at(-1) ?? missing) - missing;
  }

  async function judge(replica: Replica<Stores>): Promise<void> {
    try {
      const stores = await storesOn(replica);
      replica.heartbeat = await stores.heartbeats.find(id);
      const lag = lagOf(replica);
      if (lag > MOST_LAG) {
        throw new Error(`It is at least ${Math.floor(lag / SECOND)} s behind, or no replica of this database.`);
      }
      replica.state = 'well';
      replica.outage.worked();
    } catch (error) {
      replica.state = 'out';
      if (!stopped) replica.outage.failed(error);
    }
  }

  /** Looks at a replica, unless somebody does already. */
  function lookAt(replica: Replica<Stores>): Promise<void> {
    replica.looking ??= judge(replica).finally(() => {
      replica.looking = null;
    });
    return replica.looking;
  }

  async function poll(): Promise<void> {
    await heartbeat().then(beating.worked, beating.failed);
    await Promise.all(replicas.map(lookAt));
  }

  /** The same one for a reader as long as the same ones serve: what they see does not go back in time from page to page. */
  function replicaFor(readerId: string): Replica<Stores> | undefined {
    const oldest = clock().getTime() - MOST_LAG;
    const written = writes.of(readerId);
    const near = replicas.filter(({ state, heartbeat }) => {
      const time = heartbeat?.getTime() ?? Number.NEGATIVE_INFINITY;
      // In the same millisecond, either may have been first.
      return state === 'well' && time >= oldest && time > written;
    });
    return near[placeOf(readerId, near.length)];
  }

  function failed(replica: Replica<Stores>, error: unknown): void {
    if (replica.state === 'well') replica.state = 'suspect';
    void lookAt(replica);
    const now = clock().getTime();
    if (now - replica.complainedAt < COMPLAINTS) return;
    replica.complainedAt = now;
    log.warn({ err: error, replica: replica.name }, 'a replica failed to answer; the primary is asked');
  }

  return {
    async read(readerId, read) {
      const replica = replicaFor(readerId);
      if (!replica?.connected) return read(primary);
      try {
        return await read(replica.connected.stores);
      } catch (error) {
        failed(replica, error);
        return read(primary);
      }
    },
    wrote(who) {
      if (replicas.length > 0) writes.note(who, clock());
    },
    allServe: () => replicas.every(({ state }) => state !== 'out'),
    poll,
    start() {
      if (replicas.length === 0) return;
      void primary.heartbeats.purge(after(clock(), -KEPT)).catch(() => {});
      void poll();
      timer = setInterval(() => void poll(), HEARTBEAT_EVERY).unref();
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await Promise.all(replicas.map(({ connected }) => connected?.database.close()));
      if (given.length > 0) await primary.heartbeats.remove(id).catch(() => {});
    },
  };
}

/** One of `count` places, by the random end of an id. */
function placeOf(id: string, count: number): number {
  return Number.parseInt(id.slice(-6), 16) % count;
}
