import { actorOf, callerOf, type ListSource, type Lists, listSchema, type RoutePlugin } from 'ostiary';
import { siteBody, siteParams, siteSchema, sitesQuery, siteUserParams } from './schemas.ts';
import type { SiteRecord, SiteStore } from './site-store.ts';
import type { Sites } from './sites.ts';

const TAGS = ['Sites'];

/** The routes of sites: for who looks after them, and for administrators. */
export function siteRoutes(deps: { sites: Sites; siteStore: SiteStore; list: Lists }): RoutePlugin {
  const { sites, siteStore: store, list } = deps;

  const sourceOf = (userId: string | null): ListSource<SiteRecord> => ({
    // A cursor is valid only for the list that it came from.
    name: `sites ${userId ?? ''}`,
    read: ({ after, skip, limit }) => store.list({ userId }, { before: after, skip, limit }),
    count: (limit) => store.count({ userId }, limit),
    keyOf: ({ id }) => id,
  });

  return async (app) => {
    app.get(
      '/sites',
      {
        config: { access: 'signedIn' },
        schema: {
          operationId: 'listMySites',
          summary: 'The sites that you look after, the latest first',
          description: 'By page, or by cursor for deeper reading.',
          tags: TAGS,
          querystring: sitesQuery,
          response: { 200: listSchema(siteSchema) },
        },
      },
      async (request) => list(request.query, sourceOf(actorOf(request).userId)),
    );

    app.get(
      '/sites/:id',
      {
        config: { access: 'signedIn', errors: ['site_not_found'] },
        schema: {
          operationId: 'getMySite',
          summary: 'A site that you look after',
          description: 'With the ids of everybody who does.',
          tags: TAGS,
          params: siteParams,
          response: { 200: siteSchema },
        },
      },
      async (request) => sites.ofUser(actorOf(request).userId, request.params.id),
    );

    app.get(
      '/admin/sites',
      {
        config: { access: 'permission' },
        schema: {
          operationId: 'listSites',
          summary: 'All sites, the latest first',
          description: 'With the ids of who looks after them.',
          tags: TAGS,
          querystring: sitesQuery,
          response: { 200: listSchema(siteSchema) },
        },
      },
      async (request) => list(request.query, sourceOf(null)),
    );

    app.post(
      '/admin/sites',
      {
        config: { access: 'permission' },
        schema: {
          operationId: 'createSite',
          summary: 'Create a site',
          description: 'Nobody looks after it yet.',
          tags: TAGS,
          body: siteBody,
          response: { 201: siteSchema },
        },
      },
      async (request, reply) => reply.code(201).send(await sites.create(callerOf(request), request.body.name)),
    );

    app.put(
      '/admin/sites/:id/users/:userId',
      {
        config: { access: 'permission', errors: ['site_not_found', 'user_not_found', 'site_full'] },
        schema: {
          operationId: 'addSiteUser',
          summary: 'Let a user look after a site',
          description: 'A user may look after any number of sites, and up to 200 users after one.',
          tags: TAGS,
          params: siteUserParams,
          response: { 200: siteSchema },
        },
      },
      async (request) => sites.addUser(callerOf(request), request.params.id, request.params.userId),
    );

    app.delete(
      '/admin/sites/:id/users/:userId',
      {
        config: { access: 'permission', errors: ['site_not_found'] },
        schema: {
          operationId: 'removeSiteUser',
          summary: 'Let a user no longer look after a site',
          description: 'It holds at once.',
          tags: TAGS,
          params: siteUserParams,
          response: { 200: siteSchema },
        },
      },
      async (request) => sites.removeUser(callerOf(request), request.params.id, request.params.userId),
    );
  };
}
