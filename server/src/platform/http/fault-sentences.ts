import type { ErrorObject } from 'ajv';
import { TEXT_FORMATS } from './text-formats.ts';

const TYPES: Record<string, string> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  null: 'null',
};

const FORMATS: Record<string, string> = {
  email: 'This must be an e-mail address.',
  'date-time': 'This must be a time such as 2026-11-20T12:00:00Z.',
  date: 'This must be a date such as 2026-11-20.',
  uri: 'This must be a URL.',
  uuid: 'This must be a UUID.',
};

export const REQUIRED = 'This field is required.';
const NOT_IN_FORM = 'This does not have the right form.';

type Sentence = (params: ErrorObject['params'], schema: Schema) => string;
type Schema = { properties?: object; type?: string | string[]; examples?: readonly unknown[]; errorMessage?: string };

const SENTENCES: Record<string, Sentence> = {
  required: () => REQUIRED,
  additionalProperties: (_params, { properties = {} }) => {
    const names = Object.keys(properties);
    return names.length === 0 ? 'There are no fields here.' : `There is no such field; there are: ${names.join(', ')}.`;
  },
  type: ({ type }) => `This must be ${[type].flat().map(nameOfType).join(' or ')}.`,
  enum: ({ allowedValues }) => `This must be one of: ${allowedValues.map(String).join(', ')}.`,
  const: ({ allowedValue }) => `This must be ${allowedValue}.`,
  minLength: ({ limit }) => (limit === 1 ? 'This must not be empty.' : `This must have at least ${limit} characters.`),
  maxLength: ({ limit }) => `This must have at most ${counted(limit, 'character')}.`,
  minItems: ({ limit }) => `This list must have at least ${counted(limit, 'item')}.`,
  maxItems: ({ limit }) => `This list must have at most ${counted(limit, 'item')}.`,
  uniqueItems: () => 'No item may be in this list twice.',
  minProperties: ({ limit }) => `This must have at least ${counted(limit, 'field')}.`,
  maxProperties: ({ limit }) => `This must have at most ${counted(limit, 'field')}.`,
  minimum: ({ limit }) => `This must be ${limit} or more.`,
  maximum: ({ limit }) => `This must be ${limit} or less.`,
  exclusiveMinimum: ({ limit }) => `This must be more than ${limit}.`,
  exclusiveMaximum: ({ limit }) => `This must be less than ${limit}.`,
  multipleOf: ({ multipleOf }) => `This must be a multiple of ${multipleOf}.`,
  format: ({ format }) => TEXT_FORMATS[format]?.says ?? FORMATS[format] ?? NOT_IN_FORM,
  // Never the expression, which is no sentence.
  pattern: (_params, { examples: [example] = [] }) =>
    example === undefined ? NOT_IN_FORM : `This must have a form such as ${example}.`,
};

/** The keyword of a fault at a choice (`withChoices`), which is a sentence already. */
export const CHOICE = 'choice';

/** Faults of an object that are about its fields, which have sentences of their own. */
const OF_MEMBERS = new Set(['required', 'additionalProperties']);

/**
 * A fault as a sentence for whoever filled the field in. A schema may have one of its own, as `errorMessage`:
 * `Type.String({ pattern, errorMessage: 'A code has six digits.' })`.
 */
export function sentenceOf({ keyword, params, parentSchema = {}, message }: ErrorObject): string {
  if (keyword === CHOICE && message !== undefined) return message;
  const schema = parentSchema as Schema;
  if (schema.errorMessage !== undefined && !OF_MEMBERS.has(keyword)) return schema.errorMessage;
  return SENTENCES[keyword]?.(params, schema) ?? NOT_IN_FORM;
}

const nameOfType = (type: string): string => TYPES[type] ?? type;
const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
