import { CHOICES, type Choice } from '../choices.ts';
import type { Json } from './document.ts';

/** The schemas that have a name of their own, gathered while the operations are described. */
export interface Components {
  schemas: Json;
  /** A schema of a route as the document writes it: what has a `title` becomes a component, and a reference to it. */
  convert(schema: unknown): Json;
  responses: Json;
  parameters: Json;
  /** A reference to a component of that name; the part itself where another one has it. */
  share(kind: 'responses' | 'parameters', name: string, part: Json): Json;
  /** Adds a component; answers a reference to it. Throws a `TypeError` where another one has that name. */
  add(name: string, schema: Json): Json;
}

type Kind = 'schemas' | 'responses' | 'parameters' | 'headers';

export const refTo = (kind: Kind, name: string): Json => ({
  $ref: `#/components/${kind}/${name}`,
});

export function createComponents(): Components {
  const schemas: Json = {};
  const shared: Record<'responses' | 'parameters', Json> = { responses: {}, parameters: {} };

  function add(name: string, schema: Json): Json {
    if (differs(schemas[name], schema)) throw new TypeError(`Two schemas are called ${name}.`);
    schemas[name] = schema;
    return refTo('schemas', name);
  }

  function share(kind: 'responses' | 'parameters', name: string, part: Json): Json {
    const present = shared[kind];
    if (differs(present[name], part)) return part;
    present[name] = part;
    return refTo(kind, name);
  }

  function convert(schema: unknown): Json {
    const { title, ...rest } = schema as Json & { title?: string };
    if (title === undefined) return settle(rest as Json);
    const types = [rest.type].flat();
    if (!types.includes('null')) return add(title, settle(rest as Json));
    const [only, ...others] = types.filter((type) => type !== 'null');
    const plain = { ...rest, type: others.length > 0 ? [only, ...others] : only };
    return { anyOf: [add(title, settle(plain)), { type: 'null' }] };
  }

  /** The parts of a schema, each converted. */
  function settle(schema: Json & { [CHOICES]?: readonly Choice[] }): Json {
    const choices = schema[CHOICES] ?? [];
    if (choices.length > 0) return withChoices(schema, choices);
    const parts = Object.entries(schema)
      .filter(([key]) => key !== 'errorMessage')
      .map(([key, value]) => [key, key in PARTS ? PARTS[key]?.(value) : value]);
    return asEnum(asDiscriminated(Object.fromEntries(parts)));
  }

  const convertAll = (list: unknown) => (list as unknown[]).map(convert);
  const convertMap = (map: unknown) =>
    Object.fromEntries(Object.entries(map as Json).map(([name, part]) => [name, convert(part)]));
  const convertIfSchema = (part: unknown) => (typeof part === 'object' ? convert(part) : part);
  const PARTS: Record<string, (part: unknown) => unknown> = {
    properties: convertMap,
    items: convert,
    additionalProperties: convertIfSchema,
    anyOf: convertAll,
    oneOf: convertAll,
    allOf: convertAll,
  };

  /** An object of which some fields stand in place of each other: what is always there, together with each choice. */
  function withChoices(schema: Json, choices: readonly Choice[]): Json {
    const {
      properties,
      additionalProperties: _,
      [CHOICES]: __,
      ...rest
    } = schema as Json & {
      properties: Json;
      [CHOICES]?: unknown;
    };
    const chosen = choices.flatMap(({ variants }) => Object.values(variants));
    const always = Object.fromEntries(Object.entries(properties).filter(([name]) => !chosen.includes(name)));
    const alternatives = choices.map(({ title, variants }) => {
      const oneOf = Object.entries(variants).map(([name, field]) =>
        add(name, { type: 'object', required: [field], properties: { [field]: convert(properties[field]) } }),
      );
      return add(title, { oneOf });
    });
    const { examples, description, ...ofObject } = rest as Json;
    const own = Object.keys(always).length > 0 ? [settle({ ...ofObject, properties: always })] : [];
    return {
      ...(description !== undefined && { description }),
      allOf: [...own, ...alternatives],
      unevaluatedProperties: false,
      ...(examples !== undefined && { examples }),
    };
  }

  /** Alternatives that one constant field tells apart (`kind`, say) exclude each other, and generators can be told by which. */
  function asDiscriminated(schema: Json): Json {
    const { anyOf, ...rest } = schema as { anyOf?: Json[] };
    const variants = anyOf?.map((part) => ({ part, target: resolve(part) })) ?? [];
    const [first] = variants;
    const constants = ({ properties = {} }: { properties?: Record<string, Json> }) =>
      Object.keys(properties).filter((name) => properties[name]?.const !== undefined);
    const [propertyName] = first ? constants(first.target) : [];
    if (propertyName === undefined || variants.length < 2) return schema;
    const values = variants.map(
      ({ target }) => (target as { properties?: Record<string, Json> }).properties?.[propertyName]?.const,
    );
    if (values.includes(undefined) || new Set(values).size < values.length) return schema;
    const refs = variants.map(({ part: { $ref } }) => $ref);
    const mapping = Object.fromEntries(values.map((value, i) => [String(value), refs[i]]));
    return { ...rest, oneOf: anyOf, ...(!refs.includes(undefined) && { discriminator: { propertyName, mapping } }) };
  }

  function resolve(part: Json): Json {
    const { $ref } = part as { $ref?: string };
    return $ref === undefined ? part : (schemas[$ref.replace(/^.*\//, '')] as Json);
  }

  return { schemas, ...shared, convert, add, share };
}

const differs = (present: unknown, part: Json) =>
  present !== undefined && JSON.stringify(present) !== JSON.stringify(part);

/** Constants to choose from are what others write as an enumeration. */
function asEnum(schema: Json): Json {
  const { anyOf, ...rest } = schema as { anyOf?: Json[]; enum?: unknown[]; type?: string };
  if (anyOf !== undefined && anyOf.length > 1 && anyOf.every((part) => typeof part.const === 'string')) {
    return { type: 'string', enum: anyOf.map((part) => part.const), ...rest };
  }
  const isTextual = rest.type === undefined && rest.enum?.every((value) => typeof value === 'string');
  return isTextual ? { type: 'string', ...schema } : schema;
}
