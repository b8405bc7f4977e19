import type { Static, TObject, TSchema } from 'typebox';
import { Type } from 'typebox';

/** A `Date` of a record that leaves as ISO 8601 in UTC. For answers only: what comes in is text. */
export function timestamp(options: { description?: string } = {}) {
  return Type.Unsafe<Date>({ type: 'string', format: 'date-time', ...options });
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
