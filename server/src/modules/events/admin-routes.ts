import { subjectIdOf } from '../../platform/http/actor.ts';
import { type ListQuery, type ListSource, type Lists, listSchema } from '../../platform/http/paging.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import type { ReadLists } from '../replicas/replicas.ts';
import type { EventFilter, EventRecord } from './event-store.ts';
import type { EventLists } from './routes.ts';
import { eventSchema, eventsQuery, eventView, filterOf, userEventsParams, userEventsQuery } from './schemas.ts';

const TAGS = ['Audit log'];

/** The audit log, and its entries about one user. */
export function eventAdminRoutes(deps: {
  readLists: ReadLists<EventLists>;
  list: Lists;
  /** Throws `user_not_found`. */
  getUser: (id: string) => Promise<{ id: string }>;
}) {
  const { readLists, list, getUser } = deps;

  const sourceOf = (readerId: string, filter: EventFilter): ListSource<EventRecord> => ({
    // A cursor is valid only for its filter.
    name: `audit log ${JSON.stringify(filter)}`,
    read: ({ after, skip, limit }) =>
      readLists(readerId, ({ events }) => events.list(filter, { before: after, skip, limit })),
    count: (limit) => readLists(readerId, ({ events }) => events.count(filter, limit)),
    keyOf: (event) => event.id,
  });

  async function pageOf(readerId: string, query: ListQuery, filter: EventFilter) {
    const page = await list(query, sourceOf(readerId, filter));
    return { ...page, items: page.items.map(eventView) };
  }

  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/admin/events',
      {
        config: { access: 'permission' },
        schema: {
          operationId: 'listEvents',
          summary: 'What happened: who did what to what, from where; the latest first',
          description:
            'The audit log. What a change replaced and put there stands in `before` and `after`, without secrets.',
          tags: TAGS,
          querystring: eventsQuery,
          response: { 200: listSchema(eventSchema) },
        },
      },
      async (request) => pageOf(subjectIdOf(request), request.query, filterOf(request.query)),
    );

    app.get(
      '/admin/users/:id/events',
      {
        config: { access: 'permission', errors: ['user_not_found'] },
        schema: {
          operationId: 'listUserEvents',
          summary: 'The sign-ins and changes of a user, the latest first',
          description: 'The part of the audit log that is about this user.',
          tags: TAGS,
          params: userEventsParams,
          querystring: userEventsQuery,
          response: { 200: listSchema(eventSchema) },
        },
      },
      async (request) => {
        const { id } = await getUser(request.params.id);
        return pageOf(subjectIdOf(request), request.query, { userId: id });
      },
    );
  };
}
