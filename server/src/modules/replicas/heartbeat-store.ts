/** Times that processes write to the primary; on a replica, they show how far behind it is. */
export interface HeartbeatStore {
  /** Stores that the process `id` was alive at `at`. */
  heartbeat(id: string, at: Date): Promise<void>;
  /** The last heartbeat of a process in this database; null: none. */
  find(id: string): Promise<Date | null>;
  remove(id: string): Promise<void>;
  /** Removes processes whose last heartbeat was before then; returns the number. */
  purge(before: Date): Promise<number>;
}
