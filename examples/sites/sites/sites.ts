import { type Caller, type Clock, type Events, isId, newId, untilWon } from 'ostiary';
import { siteErrors } from './errors.ts';
import type { SiteRecord, SiteStore } from './site-store.ts';

/** Users who may look after one site. */
const MOST_USERS = 200;

export interface Sites {
  create(caller: Caller, name: string): Promise<SiteRecord>;
  /** Does nothing if the user looks after it already. Throws `site_not_found`, `user_not_found`, `site_full`. */
  addUser(caller: Caller, id: string, userId: string): Promise<SiteRecord>;
  /** Does nothing if the user does not look after it. Throws `site_not_found`. */
  removeUser(caller: Caller | null, id: string, userId: string): Promise<SiteRecord>;
  /** A site that this user looks after. Throws `site_not_found`. */
  ofUser(userId: string, id: string): Promise<SiteRecord>;
  /** Removes an erased user from all sites. Safe to run twice. */
  forgetUser(userId: string): Promise<void>;
}

/** Creates the use cases of sites. */
export function createSiteUseCases(deps: {
  siteStore: SiteStore;
  /** Throws `user_not_found`. */
  getUser: (id: string) => Promise<unknown>;
  events: Events;
  clock: Clock;
}): Sites {
  const { siteStore: store, getUser, events, clock } = deps;

  async function get(id: string): Promise<SiteRecord> {
    const site = isId(id) ? await store.find(id) : null;
    if (site === null) throw siteErrors.site_not_found();
    return site;
  }

  /** `of` answers the users that the site is to have. */
  const changeUsers = (
    caller: Caller | null,
    [id, userId, type]: [id: string, userId: string, type: string],
    of: (site: SiteRecord) => string[],
  ): Promise<SiteRecord> =>
    untilWon(
      async () => {
        const site = await get(id);
        const userIds = of(site);
        if (userIds.length === site.userIds.length) return site;
        // Whoever follows the site over the WebSocket is asked again whether they may.
        const event = events.describe(caller, { type, target: `site:${id}`, userId, evicts: true });
        const now = clock();
        const won = await store.setUsers({ id, version: site.version, now }, userIds, event);
        return won ? { ...site, userIds: [...userIds].sort(), updatedAt: now, version: site.version + 1 } : null;
      },
      { record: `site:${id}` },
    );

  const removeUser: Sites['removeUser'] = (caller, id, userId) =>
    changeUsers(caller, [id, userId, 'site.user_removed'], ({ userIds }) => userIds.filter((one) => one !== userId));

  return {
    async create(caller, name) {
      const now = clock();
      const site = { id: newId(now), name, userIds: [], createdAt: now, updatedAt: now, version: 1 };
      const event = events.describe(caller, { type: 'site.created', target: `site:${site.id}` });
      await store.insert(site, event);
      return site;
    },

    async addUser(caller, id, userId) {
      await getUser(userId);
      return changeUsers(caller, [id, userId, 'site.user_added'], ({ userIds }) => {
        if (userIds.includes(userId)) return userIds;
        if (userIds.length >= MOST_USERS) throw siteErrors.site_full();
        return [...userIds, userId];
      });
    },

    removeUser,

    async ofUser(userId, id) {
      const site = await get(id);
      if (!site.userIds.includes(userId)) throw siteErrors.site_not_found();
      return site;
    },

    async forgetUser(userId) {
      const page = { before: null, skip: 0, limit: 100 };
      for (;;) {
        const sites = await store.list({ userId }, page);
        if (sites.length === 0) return;
        for (const { id } of sites) await removeUser(null, id, userId);
      }
    },
  };
}
