/** A process that takes jobs. */
export interface WorkerRecord {
  id: string;
  host: string;
  pid: number;
  startedAt: Date;
  seenAt: Date;
  /** Attempts under way. */
  active: number;
  /** The jobs that it knows. */
  names: string[];
}

/** The processes that take jobs, by their signs of life. */
export interface WorkerStore {
  /** Writes it, whether or not it is known. */
  heartbeat(worker: WorkerRecord): Promise<void>;
  /** Seen at or after then, the longest running first. */
  list(since: Date): Promise<WorkerRecord[]>;
  remove(id: string): Promise<void>;
  /** Forgets who was not seen since then. */
  purge(before: Date): Promise<number>;
}
