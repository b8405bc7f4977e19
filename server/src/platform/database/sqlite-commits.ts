import type { DatabaseSync } from 'node:sqlite';

/** Transactions that share one durable commit at most. */
const MOST = 64;

/** A transaction of one caller within the one that several share. */
export interface SharedTransaction {
  /** Resolves once it is durable. Rejects if the commit fails; then nothing of it is left. */
  commit(): Promise<void>;
  rollback(): void;
}

export interface SharedCommits {
  /** Throws if another process is writing. One at a time: before the next begins, it must have ended by `commit` or `rollback`. */
  begin(): SharedTransaction;
  /** Makes durable what waits, before something runs outside of a transaction. */
  settle(): void;
  /** Tells of a failed statement: on a full disk SQLite has rolled everything back by itself. */
  failed(error: unknown): void;
  /** Before closing: makes durable what waits, unless a transaction is under way; then nothing of it is, and all who wait are told. */
  end(): void;
}

/** The connections of this process to one file. SQLite waits for a lock by blocking the process, so that who holds it could not let go. */
export interface Neighbours {
  /** Ends with the turn of whoever came last, on any of the connections. */
  last: Promise<void>;
  /** How each connection makes durable what waits, and so lets go of the lock. */
  letGo: Set<() => void>;
}

/**
 * Lets transactions that follow each other within one turn of the event loop wait for the disk together: a durable commit takes longer than
 * all the rest of most transactions, and SQLite commits one after the other. Each caller is answered after the commit that holds its change, so
 * nobody is told of what a power failure could undo. Each transaction after the first is a savepoint, so that one that fails takes nothing of
 * the others with it.
 *
 * Other connections of this process to the same file let go of its lock first.
 */
export function createSharedCommits(database: DatabaseSync, neighbours: Neighbours): SharedCommits {
  let waiting: PromiseWithResolvers<void>[] = [];
  let isUnderWay = false;
  /** The turn of the loop is over: whoever is under way is the last of this commit. */
  let isDue = false;

  function take(): PromiseWithResolvers<void>[] {
    const members = waiting;
    waiting = [];
    isDue = false;
    return members;
  }

  function settle(): void {
    if (waiting.length === 0) return;
    const members = take();
    try {
      database.exec('commit');
    } catch (error) {
      if (database.isTransaction) database.exec('rollback');
      for (const { reject } of members) reject(error);
      return;
    }
    for (const { resolve } of members) resolve();
  }

  function letGo(): void {
    if (!isUnderWay) settle();
  }

  function endTurn(): void {
    if (isUnderWay) isDue = waiting.length > 0;
    else settle();
  }

  neighbours.letGo.add(letGo);

  function open(): void {
    for (const neighbour of neighbours.letGo) if (neighbour !== letGo) neighbour();
    // A deferred transaction that begins to write cannot wait for another writer: it fails with BUSY at once.
    database.exec('begin immediate');
  }

  function failed(error: unknown): void {
    if (database.isTransaction) return;
    for (const { reject } of take()) reject(error);
  }

  return {
    settle,
    failed,
    end() {
      letGo();
      // Half of whoever is under way must not be committed: closing rolls it back, with those who share the commit.
      for (const { reject } of take()) reject(new Error('The database was closed.'));
      neighbours.letGo.delete(letGo);
    },
    begin() {
      if (!database.isTransaction) open();
      const isFirst = waiting.length === 0;
      if (!isFirst) database.exec('savepoint shared');
      isUnderWay = true;
      return {
        async commit() {
          if (!isFirst) database.exec('release shared');
          isUnderWay = false;
          const member = Promise.withResolvers<void>();
          waiting.push(member);
          if (isDue || waiting.length >= MOST) settle();
          else if (waiting.length === 1) setImmediate(endTurn);
          return member.promise;
        },
        rollback() {
          isUnderWay = false;
          // Those who wait were told by `failed`.
          if (!database.isTransaction) return;
          if (isFirst) {
            database.exec('rollback');
            return;
          }
          database.exec('rollback to shared; release shared');
          // Why it failed may lie in what the others wrote, which it will look at.
          settle();
        },
      };
    },
  };
}
