import type { Mail } from 'ostiary';
import type { SiteStore } from './site-store.ts';
import type { ViolationStore } from './violation-store.ts';

interface Deps {
  siteStore: SiteStore;
  violationStore: ViolationStore;
}

/** Sites that one mail names, and violations that it counts at each. */
const MOST_SITES = 100;
const MOST_COUNTED = 1000;

/** The open violations of the sites of one user, as they are when the mail is sent. */
export const openViolations: Mail<Deps, { name: string | null; counts: [site: string, open: number][] }> = {
  on: ['site.report_due'],
  name: 'mail',
  async letter({ owner }, { siteStore, violationStore }) {
    const user = await owner();
    if (!user) return null;
    const sites = await siteStore.list({ userId: user.id }, { before: null, skip: 0, limit: MOST_SITES });
    const counts: [string, number][] = [];
    for (const { id, name } of sites) {
      const open = await violationStore.count({ siteId: id, status: 'open' }, MOST_COUNTED);
      if (open > 0) counts.push([name, open]);
    }
    // All of them were resolved meanwhile.
    if (counts.length === 0) return null;
    return { to: user.email, locale: user.locale, values: { name: user.fullName, counts } };
  },
  texts: {
    en: ({ name, counts }, { hello }) => ({
      subject: 'Open violations at your sites',
      blocks: [
        hello(name),
        { says: 'These sites of yours have open violations:' },
        { facts: counts.map(([site, open]) => [site, String(open)] as const) },
      ],
    }),
    zh: ({ name, counts }, { hello }) => ({
      subject: '您负责的站点有未解决的违规',
      blocks: [
        hello(name),
        { says: '您负责的以下站点有未解决的违规：' },
        { facts: counts.map(([site, open]) => [site, String(open)] as const) },
      ],
    }),
  },
};
