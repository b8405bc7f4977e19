/** A process that takes jobs. */
export interface WorkerRecord {
  id: string;
  host: string;
  pid: number;
  startedAt: Date;
  seenAt: Date;
  /** Number of running attempts. */
  active: number;
  /** The names of its jobs. */
  names: string[];
}

/** The processes that take jobs, by their heartbeats. */
export interface WorkerStore {
  /** Inserts or updates it. */
  heartbeat(worker: WorkerRecord): Promise<void>;
  /** Seen at or after then, the longest running first. */
  list(since: Date): Promise<WorkerRecord[]>;
  remove(id: string): Promise<void>;
  /** Removes workers that were not seen since then. */
  purge(before: Date): Promise<number>;
}
