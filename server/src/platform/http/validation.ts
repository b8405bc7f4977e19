import type { Options, ValidateFunction } from 'ajv';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { TEXT_FORMATS } from './text-formats.ts';

/** Characters of JSON. All faults are reported for bodies up to this size, and the first one for larger bodies. */
const FULL_REPORT_LIMIT = 16_384;

const COMMON: Options = {
  /* TypeBox makes the schemas; compiling the meta-schema would cost more time at start than all our schemas together. */
  validateSchema: false,
  strictTypes: false,
  strictRequired: false,
  allowUnionTypes: true,
  useDefaults: true,
  removeAdditional: false,
  /* For the names of the known fields in the message about an unknown one; the client's data is never read from it. */
  verbose: true,
};

/**
 * Compiles request schemas: bodies and headers without coercion; query and path, which are text, with
 * coercion of scalars. Finding all faults costs more than finding one, so it is done second, and for small input only.
 * Each schema is compiled at its first request: all at once, they would take a tenth of the start.
 */
export function createValidatorCompiler(): FastifySchemaCompiler<TSchema> {
  const strict = createPair({ ...COMMON, coerceTypes: false });
  const coercing = createPair({ ...COMMON, coerceTypes: true });
  return ({ schema, httpPart }) => {
    const compile = httpPart === 'querystring' || httpPart === 'params' ? coercing : strict;
    return compile(schema);
  };
}

function createPair(options: Options): (schema: TSchema) => ValidateFunction {
  const first = withFormats(new Ajv(options));
  const all = withFormats(new Ajv({ ...options, allErrors: true }));
  return (schema) => {
    let validate: ValidateFunction | undefined;
    let explain: ValidateFunction | undefined;
    const checked = (data: unknown) => {
      validate ??= first.compile(schema);
      if (validate(data)) return true;
      checked.errors = validate.errors;
      if (!isSmall(data)) return false;
      explain ??= all.compile(schema);
      explain(data);
      checked.errors = explain.errors ?? validate.errors;
      return false;
    };
    checked.errors = null as ValidateFunction['errors'];
    return checked as ValidateFunction;
  };
}

/** False also for nesting deeper than the stack: the parser accepts it, and `JSON.stringify` throws. */
function isSmall(data: unknown): boolean {
  try {
    return JSON.stringify(data).length <= FULL_REPORT_LIMIT;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function withFormats(ajv: Ajv): Ajv {
  addFormats.default(ajv);
  for (const [name, { validate }] of Object.entries(TEXT_FORMATS)) ajv.addFormat(name, { type: 'string', validate });
  return ajv;
}
