import { actorOf, callerOf, type ListSource, type Lists, listSchema, type RoutePlugin } from 'ostiary';
import {
  evidenceBody,
  evidenceParams,
  evidenceSchema,
  siteParams,
  violationBody,
  violationSchema,
  violationsQuery,
} from './schemas.ts';
import type { Sites } from './sites.ts';
import type { ViolationFilter, ViolationRecord, ViolationStore } from './violation-store.ts';
import type { Violations } from './violations.ts';

const TAGS = ['Violations'];

/** The routes of violations: for who looks after their sites, and for administrators. */
export function violationRoutes(deps: {
  sites: Sites;
  violations: Violations;
  violationStore: ViolationStore;
  list: Lists;
}): RoutePlugin {
  const { sites, violations, violationStore: store, list } = deps;

  function sourceOf(siteId: string | null, status: ViolationFilter['status']): ListSource<ViolationRecord> {
    const filter = { siteId, ...(status && { status }) };
    return {
      name: `violations ${siteId ?? ''} ${status ?? ''}`,
      read: ({ after, skip, limit }) => store.list(filter, { before: after, skip, limit }),
      count: (limit) => store.count(filter, limit),
      keyOf: ({ id }) => id,
    };
  }

  return async (app) => {
    app.get(
      '/sites/:id/violations',
      {
        config: { access: 'signedIn', errors: ['site_not_found'] },
        schema: {
          operationId: 'listSiteViolations',
          summary: 'The violations at a site that you look after, the latest first',
          description: 'By page, or by cursor for deeper reading.',
          tags: TAGS,
          params: siteParams,
          querystring: violationsQuery,
          response: { 200: listSchema(violationSchema) },
        },
      },
      async (request) => {
        const { id } = await sites.ofUser(actorOf(request).userId, request.params.id);
        const { status, ...page } = request.query;
        return list(page, sourceOf(id, status));
      },
    );

    app.post(
      '/sites/:id/violations',
      {
        config: { access: 'signedIn', errors: ['site_not_found'] },
        schema: {
          operationId: 'reportViolation',
          summary: 'Report a violation at a site that you look after',
          description: 'Evidence is added to it afterwards.',
          tags: TAGS,
          params: siteParams,
          body: violationBody,
          response: { 201: violationSchema },
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        const { userId } = actorOf(request);
        return reply.code(201).send(await violations.report(callerOf(request), userId, id, request.body.text));
      },
    );

    app.post(
      '/violations/:id/evidence',
      {
        config: {
          access: 'signedIn',
          errors: ['violation_not_found', 'file_not_found', 'upload_incomplete', 'evidence_full'],
        },
        schema: {
          operationId: 'addEvidence',
          summary: 'Add a file as evidence',
          description:
            'One of your own, uploaded by `POST /files`. Everybody who looks after the site can then read it.',
          tags: TAGS,
          params: siteParams,
          body: evidenceBody,
          response: { 200: violationSchema },
        },
      },
      async (request) => {
        const { userId } = actorOf(request);
        return violations.addEvidence(callerOf(request), userId, request.params.id, request.body.fileId);
      },
    );

    app.get(
      '/violations/:id/evidence/:fileId',
      {
        config: { access: 'signedIn', errors: ['violation_not_found', 'file_not_found', 'upload_incomplete'] },
        schema: {
          operationId: 'readEvidence',
          summary: 'A URL at which a file can be read for five minutes',
          description: 'Whoever has the URL can use it.',
          tags: TAGS,
          params: evidenceParams,
          response: { 200: evidenceSchema },
        },
      },
      async (request) => violations.evidence(actorOf(request).userId, request.params.id, request.params.fileId),
    );

    app.post(
      '/violations/:id/resolve',
      {
        config: { access: 'signedIn', errors: ['violation_not_found'] },
        schema: {
          operationId: 'resolveViolation',
          summary: 'Declare a violation resolved',
          description: 'It is in no report from then on.',
          tags: TAGS,
          params: siteParams,
          response: { 200: violationSchema },
        },
      },
      async (request) => violations.resolve(callerOf(request), actorOf(request).userId, request.params.id),
    );

    app.get(
      '/admin/violations',
      {
        config: { access: 'permission' },
        schema: {
          operationId: 'listViolations',
          summary: 'The violations at all sites, the latest first',
          description: 'By page, or by cursor for deeper reading.',
          tags: TAGS,
          querystring: violationsQuery,
          response: { 200: listSchema(violationSchema) },
        },
      },
      async (request) => {
        const { status, ...page } = request.query;
        return list(page, sourceOf(null, status));
      },
    );
  };
}
