import type { ErrorObject } from 'ajv';
import type { FastifySchemaValidationError, SchemaErrorDataVar } from 'fastify/types/schema.js';
import type { Fault } from '../errors.ts';
import { choiceFaults, type WithChoices } from './choices.ts';
import { REQUIRED, sentenceOf } from './fault-sentences.ts';

/** Maximum number of reported faults per request. */
const FAULTS_SHOWN = 20;
/**
 * Names that are told of fields that there are not: those that programs have. What does not look like one may be a secret in the wrong
 * place (a password posted as a form without a name), and would come back from there into logs.
 */
const FIELD_NAME = /^[A-Za-z][A-Za-z_-]{0,31}\d{0,2}$/;

const PLACES: Record<SchemaErrorDataVar, NonNullable<Fault['in']>> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'header',
};

/**
 * What is wrong, in which part of the request, and where in it: a JSON pointer (RFC 6901), empty for the whole. The text comes from the
 * schema only, and never from the client's data, except names of unknown fields in `path`.
 */
export function describeFaults(faults: FastifySchemaValidationError[], context: SchemaErrorDataVar = 'body'): Fault[] {
  const none = (faults as ErrorObject[]).find(isOfNoBody);
  if (none !== undefined) return faultsOfNoBody(none.parentSchema as Parameters<typeof faultsOfNoBody>[0]);
  const shown = new Map<string, Fault>();
  for (const fault of ofOneVariant(faults as ErrorObject[])) {
    const path = fault.instancePath + memberOf(fault);
    const message = sentenceOf(fault);
    if (shown.size < FAULTS_SHOWN) shown.set(`${path} ${message}`, { in: PLACES[context], path, message });
  }
  return [...shown.values()];
}

/** The faults of no body at all: each field that it must have. */
export function faultsOfNoBody(schema: { required?: readonly string[] } & WithChoices): Fault[] {
  const missing = (schema.required ?? []).map((name) => ({ path: `/${name}`, message: REQUIRED }));
  const faults: Fault[] = [...missing, ...choiceFaults(schema, null)];
  if (faults.length === 0) faults.push({ path: '', message: 'A body is required.' });
  return faults.map((fault) => ({ in: 'body', ...fault }));
}

const isOfNoBody = ({ keyword, instancePath, data }: ErrorObject): boolean =>
  keyword === 'type' && instancePath === '' && data === null;

/** The field that a fault of an object is about. */
function memberOf({ keyword, params }: ErrorObject): string {
  if (keyword === 'required') return `/${params.missingProperty}`;
  const { additionalProperty: name } = params as { additionalProperty?: string };
  return name !== undefined && FIELD_NAME.test(name) ? `/${name}` : '';
}

/**
 * Of alternatives (`anyOf`) that a constant tells apart, such as `kind`, only the faults of the one that was sent; of others, that none
 * fits. All together they would tell somebody who mistyped a field to send something else.
 */
function ofOneVariant(faults: ErrorObject[]): ErrorObject[] {
  // Of nested ones the validator tells the inner one first.
  const union = faults.find(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf');
  if (union === undefined) return faults;
  const inside = (fault: ErrorObject) =>
    fault.schemaPath.startsWith(`${union.schemaPath}/`) &&
    `${fault.instancePath}/`.startsWith(`${union.instancePath}/`);
  const variants = [...Map.groupBy(faults.filter(inside), (fault) => variantOf(fault, union)).values()];
  const chosen = variants.filter((ones) => !ones.some((one) => isMismatch(one, union)));
  const told = chosen.length === 1 ? (chosen[0] ?? []) : [mismatchOf(variants.flat(), union)];
  return ofOneVariant(faults.flatMap((fault) => (fault === union ? told : inside(fault) ? [] : [fault])));
}

const variantOf = ({ schemaPath }: ErrorObject, union: ErrorObject): string =>
  schemaPath.slice(union.schemaPath.length + 1).split('/', 1)[0] ?? '';

/** Whether what was sent is another kind of thing than this variant. */
function isMismatch({ keyword, instancePath, params, parentSchema }: ErrorObject, union: ErrorObject): boolean {
  if (keyword === 'type') return instancePath === union.instancePath;
  if (keyword === 'const') return true;
  // The constant that would tell is not there.
  const { missingProperty = '' } = params as { missingProperty?: string };
  return keyword === 'required' && parentSchema?.properties?.[missingProperty]?.const !== undefined;
}

/** One fault for what the variants want: one of several types or constants, or the field that would tell which it is. */
function mismatchOf(faults: ErrorObject[], union: ErrorObject): ErrorObject {
  const constants = faults.filter(({ keyword }) => keyword === 'const');
  const [constant] = constants;
  if (constant !== undefined) {
    const allowedValues = [...new Set(constants.map(({ params }) => params.allowedValue))];
    return { ...constant, keyword: 'enum', params: { allowedValues } };
  }
  const mismatches = faults.filter((fault) => isMismatch(fault, union));
  const [first] = mismatches;
  // Nothing tells the variants apart, so that the client may have meant any.
  if (first === undefined) return { ...union, keyword: 'variants' };
  if (first.keyword !== 'type') return first;
  return { ...first, params: { type: [...new Set(mismatches.flatMap(({ params }) => params.type ?? []))] } };
}
