import type { Static, TObject, TSchema } from 'typebox';
import { Type } from 'typebox';
import { platformErrors } from '../errors.ts';

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

/** Fields of a body that stand in place of each other: exactly one is to be there. */
export interface Choice {
  /** What the document calls the choice. */
  title: string;
  /** The fields, by what the document calls an object that has just this one. */
  variants: Record<string, string>;
}

/** Where a schema keeps its choices, unseen by validators. */
export const CHOICES: unique symbol = Symbol('choices');

/**
 * Says for the OpenAPI document that fields of a body stand in place of each other. To the validator all of them stay optional: demanding
 * exactly one, in words that help, is for `demandOne` or the use case.
 */
export function withChoices<T extends TObject>(schema: T, ...choices: Choice[]): T {
  return Object.assign(schema, { [CHOICES]: choices });
}

/** The one of these fields that a body has. Throws `validation_failed` where there is none, and where there are several. */
export function demandOne<Name extends string>(body: Partial<Record<Name, string>>, names: readonly Name[]): string {
  const [first, ...others] = names.filter((name) => body[name] !== undefined);
  const value = first && body[first];
  if (value === undefined) {
    const [main, ...rest] = names;
    const message = `is required, or ${rest.join(' or ')} in its place`;
    throw platformErrors.validation_failed({ errors: [{ path: `/${main}`, message }] });
  }
  if (others.length === 0) return value;
  const message = `stands in place of ${first}, not beside it`;
  throw platformErrors.validation_failed({ errors: others.map((name) => ({ path: `/${name}`, message })) });
}
