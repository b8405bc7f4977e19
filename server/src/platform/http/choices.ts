import type { TObject } from 'typebox';
import { type Fault, platformErrors } from '../errors.ts';

/** Fields of a body that stand in place of each other: exactly one is to be there. */
export interface Choice {
  /** What the document calls the choice. */
  title: string;
  /** The fields, by what the document calls an object that has just this one. */
  variants: Record<string, string>;
}

/** Where a schema keeps its choices. */
export const CHOICES: unique symbol = Symbol('choices');

/** What has choices: a schema made by `withChoices`. */
export interface WithChoices {
  [CHOICES]?: readonly Choice[];
}

/**
 * Says that fields of a body stand in place of each other. JSON Schema would say so in words that help nobody: the validator compiles them
 * as optional and reads the choices beside it, and the OpenAPI document writes them as `oneOf`.
 */
export function withChoices<T extends TObject>(schema: T, ...choices: Choice[]): T {
  return Object.assign(schema, { [CHOICES]: choices });
}

/** The faults of an object, at the choices of its schema; for no body at all (null), those of an empty one. */
export function choiceFaults({ [CHOICES]: choices = [] }: WithChoices, body: unknown): Fault[] {
  if (choices.length === 0 || typeof body !== 'object' || Array.isArray(body)) return [];
  const fields = body ?? {};
  return choices.flatMap(({ variants }) => faultsOfOne(fields, Object.values(variants)));
}

/** The one of these fields that a body has. Throws `validation_failed` where there is none, and where there are several. */
export function demandOne<Name extends string>(body: Partial<Record<Name, string>>, names: readonly Name[]): string {
  const errors = faultsOfOne(body, names);
  if (errors.length > 0) throw platformErrors.validation_failed({ errors });
  return names.map((name) => body[name]).find((value) => value !== undefined) as string;
}

/** The faults of fields of which a body is to have exactly one, or with `optional` at most one. */
export function faultsOfOne(body: object, names: readonly string[], { optional = false } = {}): Fault[] {
  const [main = '', ...rest] = names;
  const [first, ...others] = names.filter((name) => (body as Record<string, unknown>)[name] !== undefined);
  if (first === undefined && optional) return [];
  if (first === undefined) {
    return [{ path: `/${main}`, message: `This field is required, or ${rest.join(' or ')} in its place.` }];
  }
  return others.map((name) => ({ path: `/${name}`, message: `This stands in place of ${first}, not beside it.` }));
}
