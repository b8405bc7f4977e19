/** A private server and its replica. */
export interface ReplicatedServer {
  /** URLs of a database that both have. */
  primary: string;
  replica: string;
  /** From now on the replica stays as it is. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Kills the replica. */
  kill(): Promise<void>;
  /** Starts it again at the same address, after `kill`; null: its folder is gone. */
  restart: (() => Promise<void>) | null;
  /** Ends both, and removes their files. */
  stop(): Promise<void>;
}
