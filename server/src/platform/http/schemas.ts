import type { Static, TObject, TSchema } from 'typebox';
import { Type } from 'typebox';

/** A `Date` of a record, sent as ISO 8601 in UTC. For answers only: input is text. */
export function timestamp(options: { description?: string } = {}) {
  return Type.Unsafe<Date>({ type: 'string', format: 'date-time', ...options });
}

/** An optional time in a query, RFC 3339; a date stands for its first moment in UTC, as `new Date` reads it. */
export function timeInput(description: string) {
  const forms = 'A date is its first moment in UTC.';
  const examples = ['2026-11-30', '2026-11-30T09:30:00Z'];
  return Type.Optional(Type.String({ format: 'date-or-time', description: `${description} ${forms}`, examples }));
}

/** An answer that is sent as it is: `response: { 200: bytesAnswer }`. For documentation only. */
export const bytesAnswer = Type.Unsafe<never>({
  type: 'string',
  title: 'Bytes',
  contentMediaType: 'application/octet-stream',
});

/** A nullable field of an answer. `null` is an additional type, as in JSON Schema 2020-12 and OpenAPI 3.1. */
export function nullable<T extends TSchema>(schema: T) {
  const { type } = schema as { type?: string };
  if (type === undefined) {
    return Type.Unsafe<Static<T> | null>({ anyOf: [schema, { type: 'null' }] });
  }
  return Type.Unsafe<Static<T> | null>({ ...schema, type: [type, 'null'] });
}

/** An optional body: without one, `request.body` is undefined (or null, if `null` was sent). */
export function optionalBody<T extends TObject>(schema: T) {
  return Type.Unsafe<Static<T> | null | undefined>({ ...schema, type: ['object', 'null'] });
}
