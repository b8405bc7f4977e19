import type { AppError, Clock, EventStore, Events, Files, Lists, Mails, Part, Periodic, Topic } from 'ostiary';
import * as siteMails from './mails.ts';
import { registerReport } from './report.ts';
import { siteRoutes } from './site-routes.ts';
import type { SiteStore } from './site-store.ts';
import { createSiteUseCases, type Sites } from './sites.ts';
import { violationRoutes } from './violation-routes.ts';
import type { ViolationStore } from './violation-store.ts';
import { createViolationUseCases } from './violations.ts';

/** Creates the module of sites and violations. */
export function createSites(deps: {
  siteStore: SiteStore;
  violationStore: ViolationStore;
  getUser: (id: string) => Promise<unknown>;
  files: Files;
  mails: Mails;
  periodic: Periodic;
  eventStore: EventStore;
  events: Events;
  list: Lists;
  clock: Clock;
}): Part {
  const { siteStore, violationStore, mails, events } = deps;
  const sites = createSiteUseCases(deps);
  const violations = createViolationUseCases({ ...deps, sites });
  mails.add(siteMails, { siteStore, violationStore });
  registerReport(deps);
  events.on('user.erased', 'sites', async ({ target }) => {
    const userId = target.slice('user:'.length);
    await sites.forgetUser(userId);
    await violationStore.forgetUser(userId);
  });
  return {
    routes: [siteRoutes({ ...deps, sites }), violationRoutes({ ...deps, sites, violations })],
    topics: [VIOLATIONS, siteTopic(sites)],
  };
}

/** For administrators: violations are named within their site, `site:…/…`. */
const VIOLATIONS: Topic = {
  name: 'violations',
  permission: 'GET:/api/v1/admin/violations',
  about: ({ target }) => (/^site:[^/]+\//.test(target) ? '' : null),
};

/** For who looks after a site, and as long as they do: its changes, and its violations. */
function siteTopic(sites: Sites): Topic {
  return {
    name: 'site:{id}',
    permission: 'GET:/api/v1/sites/{id}',
    async admits(userId, id) {
      try {
        await sites.ofUser(userId, id);
        return true;
      } catch (error) {
        if ((error as AppError).code === 'site_not_found') return false;
        throw error;
      }
    },
    about: ({ target }) => /^site:([^/]+)/.exec(target)?.[1] ?? null,
  };
}
