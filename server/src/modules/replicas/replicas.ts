import type { Logger } from 'pino';
import { after, type Clock, DAY, MINUTE, SECOND } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/database.ts';
import { newId } from '../../platform/ids.ts';
import { createOutageLog } from '../../platform/telemetry/outage-log.ts';
import type { HeartbeatStore } from './heartbeat-store.ts';
import { createLastWrites } from './last-writes.ts';

/** Milliseconds between two heartbeats, and between two checks of every replica. */
const HEARTBEAT_EVERY = 2 * SECOND;
/** Maximum age of what is shown, in milliseconds. */
export const MOST_LAG = 10 * SECOND;
/** Heartbeats of ended processes are removed after this time. */
const KEPT = DAY;
/** Minimum milliseconds between two log lines about failed reads: a replay that cancels many must not fill the log. */
const COMPLAINTS = MINUTE;
/** Number of users whose changes are remembered, so that they see them immediately. */
const WRITERS = 10_000;

/** A replica of the database, not yet connected. */
export interface ReplicaSource {
  /** For the log: host and port. */
  name: string;
  /** Throws `DatabaseUnreachable`. */
  open(): Promise<Database>;
}

/**
 * Reads data that may be slightly old, from a replica or, if none can serve this reader, from the primary. `read` is called with the stores
 * to read from, and again with the primary's if the replica fails; so it must only read.
 */
export type ReadLists<Stores> = <T>(readerId: string, read: (stores: Stores) => Promise<T>) => Promise<T>;

export interface Replicas<Stores> {
  read: ReadLists<Stores>;
  /** Notes that a user has just changed something through this process, and must see it in every list from now on. */
  wrote(who: string): void;
  /** Whether every replica can be reached and is close enough behind. */
  allServe(): boolean;
  /** Writes a heartbeat and checks every replica, now. */
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
  /** `suspect`: a read failed, and it has not been checked since. */
  state: 'well' | 'suspect' | 'out';
  looking: Promise<void> | null;
  /** When a failed read was last logged, in milliseconds. */
  complainedAt: number;
}

/**
 * The replicas of the database, each used while it is close enough behind: `createReplicas({ sources, primary: storage, storesOf:
 * openReplicaStorage, clock: steadyClock, log })`. A heartbeat shows how far that is: this process writes the time into its own row on the
 * primary, and a replica that shows it has everything that was committed before. That needs no privilege, works on every kind of database,
 * and compares a clock with itself; a replica without a migration, or of another database, shows no heartbeat.
 */
export function createReplicas<Stores extends { heartbeats: Pick<HeartbeatStore, 'find'> }>(deps: {
  sources: ReplicaSource[];
  primary: Stores & { heartbeats: HeartbeatStore };
  storesOf: (replica: Database) => Stores;
  /** Monotonic: otherwise an old heartbeat could count as new. */
  clock: Clock;
  log: Logger;
}): Replicas<Stores> {
  const { primary, storesOf, clock, log } = deps;
  const id = newId(clock());
  const writes = createLastWrites(WRITERS);
  const beating = createOutageLog(log, 'writing the heartbeat for the replicas');
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
  /** The latest heartbeats that reached the primary, in milliseconds. */
  const given: number[] = [];
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function heartbeat(): Promise<void> {
    // Taken before the row is written: a concurrent commit may reach a replica after it.
    const at = clock();
    await primary.heartbeats.heartbeat(id, at);
    given.push(at.getTime());
    while ((given[0] ?? 0) < at.getTime() - 2 * MOST_LAG) given.shift();
  }

  async function storesOn(replica: Replica<Stores>): Promise<Stores> {
    if (!replica.connected) {
      const database = await replica.open();
      // `stop` has already run, and will not close it.
      if (stopped) await database.close();
      replica.connected = { database, stores: storesOf(database) };
    }
    return replica.connected.stores;
  }

  /** Milliseconds from the oldest heartbeat that the replica lacks to the latest one: an age would grow while the primary is away. */
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
        throw new Error(`It is at least ${Math.floor(lag / SECOND)} s behind, or is not a replica of this database.`);
      }
      replica.state = 'well';
      replica.outage.worked();
    } catch (error) {
      replica.state = 'out';
      if (!stopped) replica.outage.failed(error);
    }
  }

  /** Checks a replica, unless a check is running. */
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

  /** Chooses the same replica for a reader while the same ones serve, so that the data do not go back in time between pages. */
  function replicaFor(readerId: string): Replica<Stores> | undefined {
    const oldest = clock().getTime() - MOST_LAG;
    const written = writes.of(readerId);
    const near = replicas.filter(({ state, heartbeat }) => {
      const time = heartbeat?.getTime() ?? Number.NEGATIVE_INFINITY;
      // Strictly later: within one millisecond, either may have been first.
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
