import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Db } from 'mongodb';
import { uniqueViolation } from './errors.ts';
import { MigrationFailed } from './migration-failed.ts';

/** Milliseconds until the lease of a dead process expires; a living one extends it several times meanwhile. */
const LEASE = 6000;
const RENEWAL = 1000;
/** Milliseconds between two checks of a lease that another process holds. */
const POLL = 200;

interface Lease {
  _id: 'migrations';
  owner: string | null;
  expiresAt: Date;
}

/**
 * Runs `work` while this process holds the lease for migrations; waits while another process holds it.
 * `keep` extends it and throws `MigrationFailed` if it was lost: call it before each step. Times are the database's.
 */
export async function withLease<T>(db: Db, work: (keep: () => Promise<void>) => Promise<T>): Promise<T> {
  const leases = db.collection<Lease>('ostiary_migration_lock');
  const owner = randomUUID();
  const take = [{ $set: { owner, expiresAt: { $add: ['$$NOW', LEASE] } } }];

  // An upsert cannot compare with the database's clock, so there is always a document.
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
  // A failed extension shows at the next `keep`.
  const renewal = setInterval(() => keep().catch(() => undefined), RENEWAL);
  try {
    return await work(keep);
  } finally {
    clearInterval(renewal);
    await leases.updateOne({ _id: 'migrations', owner }, { $set: { owner: null, expiresAt: new Date(0) } });
  }
}
