import type { ErrorObject } from 'ajv';
import type { FastifySchemaValidationError, SchemaErrorDataVar } from 'fastify/types/schema.js';
import { TEXT_FORMATS } from './text-formats.ts';

/** Maximum number of reported faults per request. */
const FAULTS_SHOWN = 20;

type Fault = { path: string; message: string };

const PREFIX: Record<SchemaErrorDataVar, string> = {
  body: '',
  querystring: 'query',
  params: 'path',
  headers: 'headers',
};

/**
 * The faults and their places: a JSON pointer (RFC 6901) into the body, or one that begins with `query`, `path` or `headers`. The
 * text comes from the schema only, never from the client's data.
 */
export function describeFaults(faults: FastifySchemaValidationError[], context: SchemaErrorDataVar = 'body'): Fault[] {
  const shown = new Map<string, Fault>();
  for (const fault of faults as ErrorObject[]) {
    const path = PREFIX[context] + fault.instancePath + missing(fault);
    const message = describe(fault);
    if (shown.size < FAULTS_SHOWN) shown.set(`${path} ${message}`, { path: path === '' ? '/' : path, message });
  }
  return [...shown.values()];
}

function missing({ keyword, params }: ErrorObject): string {
  return keyword === 'required' ? `/${params.missingProperty}` : '';
}

function describe({ keyword, message, params, parentSchema }: ErrorObject): string {
  if (keyword === 'required') return 'is required';
  if (keyword === 'additionalProperties') {
    const names = Object.keys(parentSchema?.properties ?? {});
    return names.length === 0 ? 'takes no fields' : `has a field that is not one of: ${names.join(', ')}`;
  }
  if (keyword === 'format' || keyword === 'pattern') {
    return TEXT_FORMATS[params.format]?.says ?? withExample(parentSchema);
  }
  return message ?? 'is not valid';
}

/** A regular expression tells people nothing; an example does. */
function withExample(schema: ErrorObject['parentSchema']): string {
  const [example] = schema?.examples ?? [];
  return example === undefined ? 'This does not have the right form.' : `This must have a form such as ${example}.`;
}
