import type { Schema } from './routes.ts';

/**
 * Whether a value is what a schema says, without any coercion. Written apart from the validator that the server uses, to be held against it;
 * knows the keywords that the routes use, and throws a `TypeError` for any other.
 */
export function fits(schema: Schema, value: unknown): boolean {
  for (const keyword of Object.keys(schema)) {
    if (!(keyword in KEYWORDS) && !SILENT.has(keyword))
      throw new TypeError(`The keyword ${keyword} is not known here.`);
  }
  return Object.entries(KEYWORDS).every(
    ([keyword, holds]) => !(keyword in schema) || holds(schema[keyword], value, schema),
  );
}

const SILENT = new Set(['description', 'title', 'default', 'examples', 'format']);

type Fields = Record<string, unknown>;
type Keyword = (wanted: unknown, value: unknown, schema: Schema) => boolean;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const lengthOf = (text: string) => [...text].length;
const ifText = (check: (text: string) => boolean) => (value: unknown) => typeof value !== 'string' || check(value);
const ifNumber = (check: (number: number) => boolean) => (value: unknown) => typeof value !== 'number' || check(value);

const TYPES: Record<string, (value: unknown) => boolean> = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  number: (value) => typeof value === 'number' && Number.isFinite(value),
  integer: (value) => Number.isInteger(value),
  null: (value) => value === null,
};

const KEYWORDS: Record<string, Keyword> = {
  type: (wanted, value) => [wanted].flat().some((name) => TYPES[String(name)]?.(value) === true),
  enum: (wanted, value) => (wanted as unknown[]).includes(value),
  const: (wanted, value) => wanted === value,
  anyOf: (wanted, value) => (wanted as Schema[]).some((schema) => fits(schema, value)),
  minLength: (wanted, value) => ifText((text) => lengthOf(text) >= Number(wanted))(value),
  maxLength: (wanted, value) => ifText((text) => lengthOf(text) <= Number(wanted))(value),
  pattern: (wanted, value) => ifText((text) => new RegExp(String(wanted), 'u').test(text))(value),
  minimum: (wanted, value) => ifNumber((number) => number >= Number(wanted))(value),
  maximum: (wanted, value) => ifNumber((number) => number <= Number(wanted))(value),
  items: (wanted, value) => !Array.isArray(value) || value.every((item) => fits(wanted as Schema, item)),
  minItems: (wanted, value) => !Array.isArray(value) || value.length >= Number(wanted),
  maxItems: (wanted, value) => !Array.isArray(value) || value.length <= Number(wanted),
  uniqueItems: (wanted, value) =>
    wanted !== true ||
    !Array.isArray(value) ||
    new Set(value.map((item) => JSON.stringify(item))).size === value.length,
  minProperties: (wanted, value) => !isObject(value) || Object.keys(value).length >= Number(wanted),
  required: (wanted, value) => !isObject(value) || (wanted as string[]).every((name) => Object.hasOwn(value, name)),
  properties: (wanted, value) =>
    !isObject(value) ||
    Object.entries(wanted as Record<string, Schema>).every(
      ([name, schema]) => !Object.hasOwn(value, name) || fits(schema, value[name]),
    ),
  additionalProperties: (wanted, value, schema) =>
    wanted !== false ||
    !isObject(value) ||
    Object.keys(value).every((name) => Object.hasOwn((schema.properties ?? {}) as Fields, name)),
};
