import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Db } from 'mongodb';
import { uniqueViolation } from './errors.ts';
import { MigrationFailed } from './migration-failed.ts';

/** Milliseconds after which the lease of a process that died is free; a living one renews it several times meanwhile. */
const LEASE = 6000;
const RENEWAL = 1000;
/** Milliseconds between two looks at a lease that another process holds. */
const POLL = 200;

interface Lease {
  _id: 'migrations';
  owner: string | null;
  expiresAt: Date;
}

/**
 * Runs `work` while this process alone holds the lease for migrations; waits as long as another one holds it.
 * `keep` renews it and throws `MigrationFailed` when it was lost: call it before each step. Times are the database's.
 */
export async function withLease<T>(db: Db, work: (keep: () => Promise<void>) => Promise<T>): Promise<T> {
  const leases = db.collection<Lease>('ostiary_migration_lock');
  const owner = randomUUID();
  const take = [{ $set: { owner, expiresAt: { $add: ['$$NOW', LEASE] } } }];

  // An upsert may not compare with the database's clock, so there is always a document.
  await leases.insertOne({ _id: 'migrations', owner: null, expiresAt: new Date(0) }).catch((error) => {
    if (uniqueViolation(error) === null) throw error;
  });
  for (;;) {
    const free = { _id: 'migrations' as const, $expr: { $lte: ['$expiresAt', '$$NOW'] } };
    const { matchedCount } = await leases.updateOne(free, take);
    if (matchedCount === 1) break;
    await pause(POLL);
  }

  async function keep(): Promise<void> {
    const { matchedCount } = await leases.updateOne({ _id: 'migrations', owner }, take);
    if (matchedCount === 0) throw new MigrationFailed('Another process has taken over the migrations; run them again.');
  }
  // A failed renewal shows at the next `keep`.
  const renewal = setInterval(() => keep().catch(() => undefined), RENEWAL);
  try {
    return await work(keep);
  } finally {
    clearInterval(renewal);
    await leases.updateOne({ _id: 'migrations', owner }, { $set: { owner: null, expiresAt: new Date(0) } });
  }
}
