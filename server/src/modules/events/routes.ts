import { Type } from 'typebox';
import { actorOf } from '../../platform/http/actor.ts';
import { type Lists, listQuery, listSchema } from '../../platform/http/paging.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { nullable, timestamp } from '../../platform/http/schemas.ts';
import type { ReadLists } from '../replicas/replicas.ts';
import type { EventRecord, EventStore } from './event-store.ts';
import { eventDeviceSchema } from './schemas.ts';

const ownEventSchema = Type.Object(
  {
    id: Type.String(),
    type: Type.String(),
    at: timestamp(),
    by: Type.Enum(['you', 'somebody_else', 'system']),
    ip: nullable(Type.String()),
    country: nullable(Type.String()),
    device: nullable(eventDeviceSchema),
    newDevice: Type.Boolean(),
    newNetwork: Type.Boolean(),
    newCountry: Type.Boolean(),
    reason: Type.Optional(
      Type.String({
        description:
          'Why a session ended: `signed_out`, `revoked`, `reuse_detected`, or `session_limit` if there were too many others.',
      }),
    ),
  },
  { title: 'OwnEvent' },
);

/** The reads of the history, also from a replica. */
export interface EventLists {
  events: Pick<EventStore, 'list' | 'count'>;
}

/** A user's own history. */
export function eventRoutes({ readLists, list }: { readLists: ReadLists<EventLists>; list: Lists }) {
  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/users/me/events',
      {
        config: { access: 'signedIn' },
        schema: {
          operationId: 'listMyEvents',
          summary: 'Your sign-ins and the changes of your account, the latest first',
          description:
            'What was done from a new device, network or country is marked. Where somebody else acted from is not told.',
          tags: ['The user'],
          querystring: Type.Object(listQuery, { additionalProperties: false }),
          response: { 200: listSchema(ownEventSchema) },
        },
      },
      async (request) => {
        const { userId } = actorOf(request);
        const page = await list(request.query, {
          name: `events of ${userId}`,
          read: ({ after, skip, limit }) =>
            readLists(userId, ({ events }) => events.list({ userId }, { before: after, skip, limit })),
          count: (limit) => readLists(userId, ({ events }) => events.count({ userId }, limit)),
          keyOf: (event) => event.id,
        });
        return { ...page, items: page.items.map((event) => ownEventView(event, userId)) };
      },
    );
  };
}

function ownEventView({ id, type, at, actorId, ip, device, data }: EventRecord, userId: string) {
  const by = actorId === userId ? 'you' : actorId === null ? 'system' : 'somebody_else';
  const country = typeof data.country === 'string' ? data.country : null;
  const marks = {
    newDevice: data.newDevice === true,
    newNetwork: data.newNetwork === true,
    newCountry: data.newCountry === true,
  };
  const why = typeof data.reason === 'string' && { reason: data.reason };
  // The address of another actor is private to that actor.
  const place = by === 'somebody_else' ? { ip: null, country: null, device: null } : { ip, country, device };
  return { id, type, at, by: by as 'you' | 'system' | 'somebody_else', ...place, ...marks, ...why };
}
