import { type Clock, DAY, type EventStore, type Events, type Periodic } from 'ostiary';
import type { SiteStore } from './site-store.ts';
import type { ViolationStore } from './violation-store.ts';

const BATCH = 100;

/**
 * Registers the job that has the open violations mailed to who looks after their sites, every morning (UTC). It only records that a report is due: the
 * mail follows from that event.
 */
export function registerReport(deps: {
  siteStore: SiteStore;
  violationStore: ViolationStore;
  eventStore: Pick<EventStore, 'record'>;
  events: Events;
  periodic: Periodic;
  clock: Clock;
}): void {
  const { siteStore, violationStore, eventStore, events, periodic, clock } = deps;

  /** False if it is due today already: the number of the day is the number of the event, and taken. */
  function recordDue(userId: string): Promise<boolean> {
    const day = Math.floor(clock().getTime() / DAY);
    const event = { type: 'site.report_due', target: `site_report:${userId}`, userId };
    return eventStore.record(events.describe(null, event), day);
  }

  periodic({
    name: 'sites.report',
    cron: '0 7 * * *',
    async run({ signal }) {
      let reports = 0;
      for (let before: string | null = null; ; ) {
        const sites = await siteStore.list({ userId: null }, { before, skip: 0, limit: BATCH });
        for (const { id, userIds } of sites) {
          signal.throwIfAborted();
          if ((await violationStore.count({ siteId: id, status: 'open' }, 1)) === 0) continue;
          for (const userId of userIds) if (await recordDue(userId)) reports++;
        }
        before = sites.at(-1)?.id ?? null;
        if (sites.length < BATCH) return { reports };
      }
    },
  });
}
