import { randomUUID } from 'node:crypto';

/**
 * A new UUIDv7 (RFC 9562, 5.7) in its lower-case text form: 48 bits of milliseconds, then 74 random bits.
 * Ids of different instances are ordered only as accurately as their clocks.
 */
export function newId(now: Date): string {
  const time = now.getTime().toString(16).padStart(12, '0');
  // Version 4 has its random bits in the same places, and Node generates them in batches.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Whether a text has the form of an id. Any other text need not be looked up in a database, and must not be if it contains U+0000. */
export function isId(text: string): boolean {
  return ID.test(text);
}

/** The 16 bytes of an id. */
export function idToBytes(id: string): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex');
}

/** The id that these 16 bytes are. */
export function idOfBytes(bytes: Buffer): string {
  const hex = bytes.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const LATEST = 2 ** 48 - 1;

/**
 * The lower bound of all ids made at `at` or later: ids begin with their milliseconds (RFC 9562, 5.7), so that bounds on the id are exact
 * bounds on its time.
 */
export function leastId(at: Date): string {
  const milliseconds = at.getTime();
  if (Number.isNaN(milliseconds)) throw new TypeError('An invalid date is not a bound.');
  const hex = Math.min(Math.max(milliseconds, 0), LATEST).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}
