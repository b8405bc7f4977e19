import type { ErrorObject } from 'ajv';

/**
 * The faults of unions (`anyOf`) only for the kind that was sent: the validator tries every kind and tells what is wrong with each. A kind
 * is told by a constant (`{ kind: 'cron', … }`) or by its type; where none was meant, one fault says which there are.
 */
export function ofSentKind(faults: readonly ErrorObject[]): ErrorObject[] {
  let left = [...faults];
  for (const union of faults.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf')) {
    const inside = left.filter((fault) => fault !== union && isInside(fault, union));
    const isOther = (kind: string) => inside.some((fault) => kindOf(fault, union) === kind && tellsKind(fault, union));
    const sent = inside.filter((fault) => !isOther(kindOf(fault, union)));
    const shown = sent.length > 0 ? sent : [noKind(inside, union)];
    const at = left.findIndex((fault) => fault === union || inside.includes(fault));
    left = left.filter((fault) => fault !== union && !inside.includes(fault));
    left.splice(Math.max(at, 0), 0, ...shown);
  }
  return left;
}

/** Items of a list share the schema, not the place. */
const isInside = (fault: ErrorObject, union: ErrorObject) =>
  fault.schemaPath.startsWith(`${union.schemaPath}/`) &&
  (fault.instancePath === union.instancePath || fault.instancePath.startsWith(`${union.instancePath}/`));

/** The kind's place in the list of the union. */
const kindOf = ({ schemaPath }: ErrorObject, union: ErrorObject) =>
  schemaPath.slice(union.schemaPath.length + 1).split('/', 1)[0] ?? '';

/** Whether a fault says that the value is of another kind. */
function tellsKind({ keyword, instancePath, params, parentSchema }: ErrorObject, union: ErrorObject): boolean {
  const isSelf = instancePath === union.instancePath;
  if (keyword === 'type') return isSelf;
  if (keyword === 'const') return isSelf || parentOf(instancePath) === union.instancePath;
  return keyword === 'required' && isSelf && parentSchema?.properties?.[params.missingProperty]?.const !== undefined;
}

const parentOf = (pointer: string) => pointer.slice(0, pointer.lastIndexOf('/'));

/** The one fault of a value that is of no kind. */
function noKind(inside: ErrorObject[], union: ErrorObject): ErrorObject {
  const telling = inside.filter((fault) => tellsKind(fault, union));
  const constants = telling.filter(({ keyword }) => keyword === 'const');
  const [constant] = constants;
  if (constant) {
    const values = constants.map(({ params }) => String(params.allowedValue));
    return { ...constant, message: `must be one of: ${values.join(', ')}` };
  }
  const missing = telling.find(({ keyword }) => keyword === 'required');
  if (missing) return missing;
  const types = new Set(telling.map(({ params }) => String(params.type)));
  if (types.size === 0) return union;
  const type = [...types].join(' or ');
  // Itself one of type, for the union that this one is a kind of.
  return { ...union, keyword: 'type', params: { type }, message: `must be ${type}` };
}
