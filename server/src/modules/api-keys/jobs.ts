import { after, type Clock, DAY } from '../../platform/clock.ts';
import { purgeAll } from '../../platform/queue/purge.ts';
import type { Events } from '../events/events.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { ApiKeyRecord, ApiKeyStore } from './api-key-store.ts';
import { KEYS_KEPT, nextReminder, targetOfKey } from './names.ts';

const BATCH = 100;

/** Registers the jobs that tell owners of the end of their keys, and delete keys that ended long ago. */
export function registerKeyJobs(deps: {
  store: ApiKeyStore;
  /** How many are told of a key. */
  countOwners: (key: ApiKeyRecord) => Promise<number>;
  events: Events;
  periodic: Periodic;
  clock: Clock;
}): void {
  const { store, countOwners, events, periodic, clock } = deps;

  async function remind(key: ApiKeyRecord): Promise<void> {
    const now = clock();
    const days = Math.ceil((key.expiresAt.getTime() - now.getTime()) / DAY);
    // A server that was down for days tells once, of what is left.
    const isOver = days <= 0;
    const event = events.describe(null, {
      type: 'api_key.expiring',
      target: targetOfKey(key.id),
      userId: key.kind === 'pat' ? key.subjectId : null,
      data: { name: key.name, days: Math.max(days, 0), owners: isOver ? 0 : await countOwners(key) },
      evicts: true,
    });
    // False where another run was faster, or the key has changed: the next run looks again.
    await store.remind({ id: key.id, version: key.version, now }, nextReminder(key.expiresAt, now), event);
  }

  periodic({
    name: 'api-keys.remind',
    cron: '17 * * * *',
    async run({ signal }) {
      const seen = new Set<string>();
      for (;;) {
        const due = (await store.dueReminders(clock(), BATCH)).filter(({ id }) => !seen.has(id));
        if (due.length === 0) return { reminded: seen.size };
        for (const key of due) {
          signal.throwIfAborted();
          seen.add(key.id);
          await remind(key);
        }
      }
    },
  });

  periodic({
    name: 'purge.api-keys',
    cron: '41 3 * * *',
    run: (context) => purgeAll(context, (limit) => store.purge(after(clock(), -KEYS_KEPT), limit)),
  });
}
