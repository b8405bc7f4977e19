import type { TSchema } from 'typebox';

/** Decimal and canonical, of at most 15 digits, so that it is exact as a number. */
const INTEGER = /^(?:0|-?[1-9]\d{0,14})$/;

type Fields = Record<string, unknown>;
type Read = (text: string) => unknown;

const READERS: Record<string, Read> = {
  integer: (text) => (INTEGER.test(text) ? Number(text) : text),
  boolean: (text) => (text === 'true' || text === 'false' ? text === 'true' : text),
};

/**
 * Makes integers and booleans of those fields of a query or path that the schema declares as such; text of any other form stays text, and
 * so fails the schema. (The coercion of ajv reads whatever `Number` does: `Infinity`, `0x10`, blanks.)
 */
export function createTextReader(schema: TSchema): (data: unknown) => void {
  const readers = Object.entries(propertiesOf(schema)).flatMap(([name, { type }]): [string, Read][] => {
    const read = READERS[String(type)];
    return read === undefined ? [] : [[name, read]];
  });
  return (data) => {
    const fields = data as Fields;
    for (const [name, read] of readers) {
      const text = fields[name];
      if (typeof text === 'string') fields[name] = read(text);
    }
  };
}

/**
 * The fields of a query or path that are numbers without being integers within bounds: whatever reads them would have to be ready for
 * any number.
 */
export function unboundedNumbers(schema: unknown): string[] {
  return Object.entries(propertiesOf(schema))
    .filter(([, field]) => isNumeric(field) && !isBounded(field))
    .map(([name]) => name);
}

/** Also in a list of types or of alternatives, which no reader understands. */
const isNumeric = (field: Fields): boolean => /"type":(?:\[[^\]]*)?"(?:integer|number)"/.test(JSON.stringify(field));
const isBounded = ({ type, minimum, maximum }: Fields): boolean =>
  type === 'integer' && Number.isSafeInteger(minimum) && Number.isSafeInteger(maximum);

const propertiesOf = (schema: unknown): Record<string, Fields> =>
  ((schema ?? {}) as { properties?: Record<string, Fields> }).properties ?? {};
