import type { ErrorObject, Options, ValidateFunction } from 'ajv';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import type { Fault } from '../errors.ts';
import { choiceFaults, type WithChoices } from './choices.ts';
import { CHOICE } from './fault-sentences.ts';
import { TEXT_FORMATS } from './text-formats.ts';
import { createTextReader } from './text-values.ts';

/** Characters of JSON. All faults are reported for bodies up to this size, and the first one for larger bodies. */
const FULL_REPORT_LIMIT = 16_384;

const OPTIONS: Options = {
  /* TypeBox makes the schemas; compiling the meta-schema would cost more time at start than all our schemas together. */
  validateSchema: false,
  strictTypes: false,
  strictRequired: false,
  allowUnionTypes: true,
  useDefaults: true,
  removeAdditional: false,
  coerceTypes: false,
  /* For the names of the known fields in the message about an unknown one; the client's data is never read from it. */
  verbose: true,
};

/**
 * Compiles request schemas. Nothing is coerced, except that integers and booleans of query and path, which are text, are read first.
 * Finding all faults costs more than finding one, so it is done second, and for small input only.
 * Each schema is compiled at its first request: all at once, they would take a tenth of the start.
 */
export function createValidatorCompiler(): FastifySchemaCompiler<TSchema> {
  const compile = createPair();
  return ({ schema, httpPart }) => {
    const validate = compile(schema);
    if (httpPart !== 'querystring' && httpPart !== 'params') return validate;
    const read = createTextReader(schema);
    const checked = (data: unknown) => {
      read(data);
      const fits = validate(data);
      checked.errors = validate.errors;
      return fits;
    };
    checked.errors = null as ValidateFunction['errors'];
    return checked as ValidateFunction;
  };
}

function createPair(): (schema: TSchema) => ValidateFunction {
  const first = withFormats(new Ajv(OPTIONS));
  const all = withFormats(new Ajv({ ...OPTIONS, allErrors: true }));
  return (schema) => {
    let validate: ValidateFunction | undefined;
    let explain: ValidateFunction | undefined;
    const checked = (data: unknown) => {
      validate ??= first.compile(schema);
      const choices = choiceFaults(schema as WithChoices, data);
      if (validate(data) && choices.length === 0) return true;
      let faults = validate.errors ?? [];
      if (faults.length > 0 && isSmall(data)) {
        explain ??= all.compile(schema);
        explain(data);
        faults = explain.errors ?? faults;
      }
      checked.errors = [...faults, ...choices.map(asError)];
      return false;
    };
    checked.errors = null as ValidateFunction['errors'];
    return checked as ValidateFunction;
  };
}

const asError = ({ path, message }: Fault): ErrorObject => ({
  keyword: CHOICE,
  instancePath: path,
  schemaPath: '#',
  params: {},
  message,
});

const isSmall = (data: unknown): boolean => JSON.stringify(data).length <= FULL_REPORT_LIMIT;

function withFormats(ajv: Ajv): Ajv {
  addFormats.default(ajv);
  // A sentence of the schema's own for its faults; see `sentenceOf`.
  ajv.addKeyword('errorMessage');
  for (const [name, { validate }] of Object.entries(TEXT_FORMATS)) ajv.addFormat(name, { type: 'string', validate });
  return ajv;
}
