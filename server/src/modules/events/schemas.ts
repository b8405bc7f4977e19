import { type Static, Type } from 'typebox';
import { listQuery } from '../../platform/http/paging.ts';
import { nullable, timeInput, timestamp } from '../../platform/http/schemas.ts';
import { trimInvisible } from '../../platform/typed-text.ts';
import type { EventFilter, EventRecord } from './event-store.ts';

const closed = { additionalProperties: false } as const;

const text = (maxLength: number, description: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength, format: 'line', description }));

export const eventsQuery = Type.Object(
  {
    ...listQuery,
    type: text(80, 'What happened, such as `user.deleted`; `user.*` is everything that begins with `user.`.'),
    actor: text(100, 'Id of the user who did it.'),
    user: text(100, 'Id of the user in whose history it is.'),
    target: text(80, 'What changed, `kind:id`, such as `role:…`.'),
    requestId: text(64, '`X-Request-Id` of the answer.'),
    ip: text(64, 'The address as it is listed.'),
    from: timeInput('Inclusive, to the millisecond.'),
    to: timeInput('Exclusive, to the millisecond.'),
  },
  closed,
);

/** The query of the history of one user; the path names the user. */
export const userEventsQuery = Type.Object(listQuery, closed);
export const userEventsParams = Type.Object({ id: Type.String({ maxLength: 100 }) }, closed);

/** The state before or after; its fields are those of the changed record. */
const fields = { type: 'object', additionalProperties: true } as const;
const state = (description: string) => Type.Unsafe<Fields | null>({ ...fields, type: ['object', 'null'], description });
type Fields = Record<string, unknown>;

export const eventDeviceSchema = Type.Object(
  { browser: nullable(Type.String()), os: nullable(Type.String()), kind: Type.String() },
  { title: 'EventDevice' },
);

/** An event as administrators see it. */
export const eventSchema = Type.Object(
  {
    id: Type.String(),
    type: Type.String({ description: 'The action.' }),
    at: timestamp(),
    actor: nullable(
      Type.Object(
        { id: Type.String() },
        { title: 'EventActor', description: 'Null: the system, or somebody unknown.' },
      ),
    ),
    target: Type.Object({ kind: Type.String(), id: Type.String() }, { title: 'EventTarget' }),
    userId: nullable(Type.String({ description: 'In whose history it is.' })),
    ip: nullable(Type.String()),
    country: nullable(Type.String({ description: 'ISO 3166-1 alpha-2.' })),
    device: nullable(eventDeviceSchema),
    requestId: nullable(Type.String()),
    before: state('What the change replaced; never a secret.'),
    after: state('What it put there; never a secret.'),
    details: Type.Unsafe<Fields>({ ...fields, description: 'What else is known of it.' }),
  },
  { title: 'Event' },
);

/** The filter of a query, its fields always in the same order; pasted texts may have blanks and invisible characters at their ends. */
export function filterOf(query: Static<typeof eventsQuery>): EventFilter {
  const { type, actor, user, target, requestId, ip, from, to } = query;
  const text = (value: string | undefined) => value && trimInvisible(value);
  return {
    type: text(type),
    actorId: text(actor),
    userId: text(user),
    target: text(target),
    requestId: text(requestId),
    ip: text(ip),
    from: from === undefined ? undefined : new Date(from),
    to: to === undefined ? undefined : new Date(to),
  };
}

/** A record in the form of `eventSchema`. */
export function eventView(event: EventRecord): Static<typeof eventSchema> {
  const { id, type, at, actorId, target, userId, ip, device, requestId } = event;
  const { before, after, country, ...details } = event.data;
  const colon = target.indexOf(':');
  return {
    id,
    type,
    at,
    actor: actorId === null ? null : { id: actorId },
    target: { kind: target.slice(0, colon), id: target.slice(colon + 1) },
    userId,
    ip,
    country: typeof country === 'string' ? country : null,
    device,
    requestId,
    before: fieldsOrNull(before),
    after: fieldsOrNull(after),
    details,
  };
}

function fieldsOrNull(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}
