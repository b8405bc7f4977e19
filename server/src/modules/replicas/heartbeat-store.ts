/** Signs of life that processes write into the primary, to see on a replica how far behind it is. */
export interface HeartbeatStore {
  /** Writes that the process `id` was alive at `at`. */
  heartbeat(id: string, at: Date): Promise<void>;
  /** The last heartbeat of a process as far as this database knows it; null: none. */
  find(id: string): Promise<Date | null>;
  remove(id: string): Promise<void>;
  /** Forgets the processes whose last heartbeat was before then; answers how many. */
  purge(before: Date): Promise<number>;
}
