type Json = Record<string, unknown>;

/** Fastify's form for bodies of several content types: `{ content: { [type]: { schema } } }`. */
const BY_TYPE = 'content';
const LISTS = ['allOf', 'anyOf', 'oneOf', 'prefixItems'];
const SINGLES = ['items', 'additionalItems', 'contains', 'if', 'then', 'else', 'additionalProperties'];
const MAPS = ['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'];

/**
 * The places (JSON pointers) where a schema describes an object without `additionalProperties: false`, and so would
 * admit unchecked fields.
 */
export function openObjects(schema: unknown, path = ''): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const node = schema as Json;
  const found = isObject(node) && node.additionalProperties !== false ? [path === '' ? '/' : path] : [];
  for (const key of LISTS) {
    if (Array.isArray(node[key]))
      found.push(...node[key].flatMap((part, i) => openObjects(part, `${path}/${key}/${i}`)));
  }
  for (const key of SINGLES) found.push(...openObjects(node[key], `${path}/${key}`));
  for (const key of MAPS) {
    const parts = Object.entries((node[key] ?? {}) as Json);
    found.push(...parts.flatMap(([name, part]) => openObjects(part, `${path}/${key}/${name}`)));
  }
  for (const [type, part] of Object.entries((node[BY_TYPE] ?? {}) as Record<string, Json>)) {
    found.push(...openObjects(part.schema, `${path}/content/${type}`));
  }
  return found;
}

function isObject({ type, properties, patternProperties }: Json): boolean {
  if (properties !== undefined || patternProperties !== undefined) return true;
  return Array.isArray(type) ? type.includes('object') : type === 'object';
}
