/** What authenticators write: no tags, no floats. */
export type CborValue = number | string | boolean | null | Buffer | CborValue[] | CborMap;
export type CborMap = Map<number | string, CborValue>;

/** The bytes are not one CBOR value as authenticators write it. */
export class CborInvalid extends Error {
  override readonly name = 'CborInvalid';
}

/** Depth of what authenticators write (CTAP 2.2, 8). */
const MOST_NESTING = 4;
const SIMPLE = new Map<number, boolean | null>([
  [20, false],
  [21, true],
  [22, null],
]);
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads one value at `offset`: `const { value, end } = readCbor(bytes, 37)`. Only what CTAP2 admits: definite lengths, text in UTF-8, keys
 * that are integers or text and appear once. Numbers need not be in their shortest form, which some password managers miss. Throws
 * `CborInvalid`.
 */
export function readCbor(bytes: Buffer, offset = 0): { value: CborValue; end: number } {
  let at = offset;

  function take(length: number): Buffer {
    if (length > bytes.length - at) throw new CborInvalid('The bytes end within a value.');
    at += length;
    return bytes.subarray(at - length, at);
  }

  /** The number of a head: a value, a length or a count. Eight bytes are never needed. */
  function numberOf(info: number): number {
    if (info < 24) return info;
    const size = { 24: 1, 25: 2, 26: 4 }[info];
    if (size === undefined) throw new CborInvalid('A length is indefinite or too large.');
    return take(size).readUIntBE(0, size);
  }

  function read(depth: number): CborValue {
    if (depth > MOST_NESTING) throw new CborInvalid('Values are nested too deeply.');
    const head = take(1).readUInt8();
    const [major, info] = [head >> 5, head & 31];
    if (major === 7) return simple(info);
    const number = numberOf(info);
    switch (major) {
      case 0:
        return number;
      case 1:
        return -1 - number;
      case 2:
        return take(number);
      case 3:
        return textOf(take(number));
      case 4:
        return Array.from({ length: bounded(number) }, () => read(depth + 1));
      case 5:
        return mapOf(bounded(number), depth);
      default:
        throw new CborInvalid('A value has a tag.');
    }
  }

  /** Each entry takes a byte at least: a count beyond that must not reserve memory. */
  function bounded(count: number): number {
    if (count > bytes.length - at) throw new CborInvalid('The bytes end within a value.');
    return count;
  }

  function mapOf(count: number, depth: number): CborMap {
    const map: CborMap = new Map();
    for (let i = 0; i < count; i++) {
      const key = read(depth + 1);
      if (typeof key !== 'number' && typeof key !== 'string') throw new CborInvalid('A key is no integer or text.');
      if (map.has(key)) throw new CborInvalid('A key appears twice.');
      map.set(key, read(depth + 1));
    }
    return map;
  }

  const value = read(0);
  return { value, end: at };
}

/** The map that these bytes are, with nothing behind it. Throws `CborInvalid`. */
export function readCborMap(bytes: Buffer): CborMap {
  const { value, end } = readCbor(bytes);
  if (end !== bytes.length) throw new CborInvalid('There are bytes behind the value.');
  if (!(value instanceof Map)) throw new CborInvalid('The value is no map.');
  return value;
}

function simple(info: number): boolean | null {
  const value = SIMPLE.get(info);
  if (value === undefined) throw new CborInvalid('A value is of another kind.');
  return value;
}

function textOf(bytes: Buffer): string {
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw new CborInvalid('A text is not UTF-8.', { cause });
  }
}
