import type { Static, TObject, TSchema } from 'typebox';
import { Type } from 'typebox';

/** A `Date` of a record that leaves as ISO 8601 in UTC. For answers only: what comes in is text. */
export function timestamp(options: { description?: string } = {}) {
  return Type.Unsafe<Date>({ type: 'string', format: 'date-time', ...options });
}

/** A time in a query, left out or not: RFC 3339 without its leap seconds, which a `Date` cannot hold. */
export function timeInput(description: string) {
  const pattern = '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:[0-5]';
  return Type.Optional(Type.String({ format: 'date-time', pattern, description }));
}

/** An answer's field that may be null. `null` becomes a further type, as JSON Schema 2020-12 and OpenAPI 3.1 write it. */
export function nullable<T extends TSchema>(schema: T) {
  const { type } = schema as { type?: string };
  if (type === undefined) {
    return Type.Unsafe<Static<T> | null>({ anyOf: [schema, { type: 'null' }] });
  }
  return Type.Unsafe<Static<T> | null>({ ...schema, type: [type, 'null'] });
}

/** The body of a route that may also be called without one: `request.body` is then undefined (or null, if `null` was sent). */
export function optionalBody<T extends TObject>(schema: T) {
  return Type.Unsafe<Static<T> | null | undefined>({ ...schema, type: ['object', 'null'] });
}
