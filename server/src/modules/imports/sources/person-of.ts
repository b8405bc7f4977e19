import type { ImportedPerson } from '../imported-person.ts';
import type { Mapping, Place } from './mapping.ts';

export type Row = Record<string, unknown>;
/** What other tables say of a person. */
export interface Linked {
  roles?: string[];
  passwordHash?: string | null;
}

/** Reads the person of a row by a mapping. Null: the row has no id. */
export function personOf(
  row: Row,
  { id: idPlace = 'id', fields = {} }: Mapping,
  linked: Linked = {},
  now = new Date(),
): ImportedPerson | null {
  const text = (place: Place | undefined) => (place === undefined ? null : textAt(row, place));
  const id = text(idPlace);
  if (id === null) return null;
  // As our own export writes it, and many others do.
  const status = text('status')?.trim().toLowerCase() ?? '';
  return {
    id,
    email: text(fields.email),
    username: text(fields.username),
    fullName: text(fields.fullName),
    phone: text(fields.phone),
    locale: text(fields.locale),
    emailVerified: holds(row, fields.emailVerified, { none: false, unclear: false }),
    // Whoever was shut out there must not get in here because a value was not understood.
    isDisabled:
      !holds(row, fields.active, { none: true, unclear: false }) ||
      holds(row, fields.disabled, { none: false, unclear: true, atTime: (time) => time > now }) ||
      holds(row, fields.deleted, { none: false, unclear: true }) ||
      SHUT_OUT.has(status),
    isDeleted: holds(row, fields.deleted, { none: false, unclear: false }) || status === 'deleted',
    roles: linked.roles ?? (fields.roles === undefined ? [] : rolesAt(row, fields.roles)),
    isSuperadmin: holds(row, fields.superadmin, { none: false, unclear: false }),
    createdAt: fields.createdAt === undefined ? null : toTime(valueAt(row, fields.createdAt)),
    lastLoginAt: fields.lastLoginAt === undefined ? null : toTime(valueAt(row, fields.lastLoginAt)),
    passwordHash: linked.passwordHash === undefined ? text(fields.passwordHash) : linked.passwordHash,
  };
}

function valueAt(row: Row, place: Place): unknown {
  if (typeof place === 'string') return at(row, place);
  if (Array.isArray(place)) return place.map((one) => at(row, one)).find((value) => !isEmpty(value));
  return place.join.flatMap((one) => textOf(at(row, one)) ?? []).join(' ');
}

const textAt = (row: Row, place: Place) => textOf(valueAt(row, place));

/** A column of this whole name, or a path into objects, also into those that a column holds as JSON text. */
function at(row: Row, path: string): unknown {
  if (Object.hasOwn(row, path)) return row[path];
  let value: unknown = row;
  for (const name of path.split('.')) {
    const object = typeof value === 'string' && /^\s*[{[]/.test(value) ? parsed(value) : value;
    if (typeof object !== 'object' || object === null || !Object.hasOwn(object, name)) return undefined;
    value = (object as Row)[name];
  }
  return value;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

const isEmpty = (value: unknown) => value === undefined || value === null || value === '';

/** Text of a scalar; null for anything else, and for empty text. */
export function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value === '' ? null : value;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value !== 'object' || value === null) return null;
  // Of MongoDB: an `_id` of its own kind, and the same in exported JSON.
  if ('toHexString' in value && typeof value.toHexString === 'function') return String(value.toHexString());
  if ('toUUID' in value && typeof value.toUUID === 'function') return uuidOf(value as { toUUID(): unknown });
  if ('_bsontype' in value)
    return value._bsontype === 'Long' || value._bsontype === 'Decimal128' ? String(value) : null;
  const { $oid, $numberLong } = value as { $oid?: unknown; $numberLong?: unknown };
  return textOf($oid ?? $numberLong ?? null);
}

function uuidOf(binary: { toUUID(): unknown }): string | null {
  try {
    return String(binary.toUUID());
  } catch {
    return null; // Bytes of another kind.
  }
}

const TRUE = new Set(['1', 't', 'true', 'y', 'yes', 'on', 'active', 'enabled']);
const FALSE = new Set(['0', 'f', 'false', 'n', 'no', 'off']);
/** Statuses of people who may not sign in. */
const SHUT_OUT = new Set([
  'disabled',
  'inactive',
  'deactivated',
  'suspended',
  'banned',
  'blocked',
  'locked',
  'deleted',
]);

/**
 * Whether something holds: by a truth value in whatever form, or by a time. `none`: what counts where nothing is said; `unclear`: where the value
 * is neither.
 */
function holds(
  row: Row,
  place: Place | boolean | undefined,
  { none, unclear, atTime = () => true }: { none: boolean; unclear: boolean; atTime?: (time: Date) => boolean },
): boolean {
  if (typeof place === 'boolean') return place;
  const value = place === undefined ? undefined : valueAt(row, place);
  if (typeof value === 'boolean') return value;
  if (isEmpty(value)) return none;
  const word = textOf(value)?.trim().toLowerCase() ?? '';
  if (TRUE.has(word)) return true;
  if (FALSE.has(word)) return false;
  const time = toTime(value);
  return time === null ? unclear : atTime(time);
}

/** A list, or names parted by commas; of objects their `name` or `code`. */
function rolesAt(row: Row, place: Place): string[] {
  const value = valueAt(row, place);
  const list = typeof value === 'string' && /^\s*\[/.test(value) ? (parsed(value) ?? value) : value;
  if (!Array.isArray(list))
    return (textOf(list) ?? '')
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean);
  return list.flatMap((entry) => {
    const { name, code } = (typeof entry === 'object' && entry !== null ? entry : {}) as Row;
    return textOf(entry) ?? textOf(code) ?? textOf(name) ?? [];
  });
}

/** Seconds and milliseconds since 1970 are told apart by size: 10^11 seconds are in the year 5138. */
const SECONDS_BELOW = 1e11;
const NUMBER = /^\d{9,17}(?:\.\d+)?$/;
const DAY = /^\d{4}-\d\d-\d\d/;
const NO_ZONE = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?$/;

/** A time in the forms that databases and exports write; text without a zone is UTC. Null for any other value, and before 1970. */
export function toTime(value: unknown): Date | null {
  const { $date } = (typeof value === 'object' && value !== null ? value : {}) as { $date?: unknown };
  if ($date !== undefined) return toTime($date);
  const time = value instanceof Date ? value : timeIn(textOf(value)?.trim() ?? '');
  return time === null || Number.isNaN(time.getTime()) || time.getTime() <= 0 ? null : time;
}

function timeIn(text: string): Date | null {
  if (NUMBER.test(text)) return new Date(Number(text) < SECONDS_BELOW ? Number(text) * 1000 : Number(text));
  if (!DAY.test(text)) return null;
  return new Date(NO_ZONE.test(text) ? `${text.replace(' ', 'T')}Z` : text);
}
