import { type Kysely, sql, type Transaction } from 'kysely';
import type { Dialect } from '../../platform/database/types.ts';
import { ended, type JobTables } from './job-rows.sql.ts';

/** Jobs per transaction. */
const BATCH = 500;

/** Delayed jobs that are due, and active ones whose claim expired. */
export function dueJobs(db: Kysely<JobTables>, now: Date) {
  return db
    .selectFrom('jobs')
    .select(['id', 'name', 'state'])
    .where('state', 'in', ['delayed', 'handed', 'active'])
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .limit(BATCH);
}

/** Makes due jobs waiting; returns the names of the waiting ones. See `JobStore.promote`. */
export async function promoteDue(
  trx: Transaction<JobTables>,
  { now, deaths, dialect }: { now: Date; deaths: number; dialect: Dialect },
): Promise<string[]> {
  // Locked rows are skipped: their workers are just extending or ending them, and waiting for them could deadlock.
  const found = dueJobs(trx, now);
  const rows = await (dialect === 'sqlite' ? found : found.forUpdate().skipLocked()).execute();
  const idsOf = (isActive: boolean) =>
    rows.filter(({ state }) => (state === 'active') === isActive).map(({ id }) => id);
  const [runOut, apart] = [idsOf(true), idsOf(false)];
  const inLine = { state: 'waiting', claim: null } as const;
  const gone = new Set<string>();
  if (runOut.length > 0) {
    const active = trx.updateTable('jobs').where('id', 'in', runOut).where('state', '=', 'active');
    await active
      .set({ ...ended('cancelled', now), claim: null })
      .where('cancel_requested', '=', true)
      .execute();
    const failure = JSON.stringify({ message: `${deaths} workers died or hung while running this job.`, stack: null });
    await active
      .set((eb) => ({ ...ended('failed', now), claim: null, failure, deaths: eb('deaths', '+', 1) }))
      .where('deaths', '>=', deaths - 1)
      .execute();
    const over = await trx
      .selectFrom('jobs')
      .select('id')
      .where('id', 'in', runOut)
      .where('state', '!=', 'active')
      .execute();
    for (const { id } of over) gone.add(id);
    // At its former place, not behind later jobs.
    const again = active.set((eb) => ({ ...inLine, deaths: eb('deaths', '+', 1), due_at: sql<Date>`created_at` }));
    await again.execute();
  }
  if (apart.length > 0) {
    const delayed = trx.updateTable('jobs').where('id', 'in', apart).where('state', 'in', ['delayed', 'handed']);
    await delayed.set(inLine).execute();
  }
  return [...new Set(rows.filter(({ id }) => !gone.has(id)).map(({ name }) => name))];
}
