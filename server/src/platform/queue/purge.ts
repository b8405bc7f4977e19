import type { JobContext } from './define-job.ts';

/** What one step of a purge takes away at most, so that no statement holds up others for long. */
export const PURGE_BATCH = 500;

/** Takes away batch after batch, until nothing is left that may go; answers how many. */
export async function purgeAll(
  { signal }: Pick<JobContext, 'signal'>,
  purge: (limit: number) => Promise<number>,
): Promise<{ removed: number }> {
  for (let removed = 0; ; ) {
    signal.throwIfAborted();
    const count = await purge(PURGE_BATCH);
    removed += count;
    if (count === 0) return { removed };
  }
}
