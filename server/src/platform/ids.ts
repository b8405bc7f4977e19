import { randomUUID } from 'node:crypto';

/**
 * A new UUIDv7 (RFC 9562, 5.7) in its lower-case text form: 48 bits of milliseconds, then 74 random bits.
 * Ids of different instances are not ordered by it beyond the accuracy of their clocks.
 */
export function newId(now: Date): string {
  const time = now.getTime().toString(16).padStart(12, '0');
  // Version 4 has its random bits in the same places; Node draws them many at a time.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Whether a text can be an id of ours; any other need not (and, holding U+0000, must not) be looked for in a database. */
export function isId(text: string): boolean {
  return ID.test(text);
}

const LATEST = 2 ** 48 - 1;

/**
 * A text that no id from `at` on (RFC 9562, 5.7) is below, and every earlier one is: ids begin with their milliseconds. So bounds on
 * the id bound the time that it was made from exactly, and in the order of the ids.
 */
export function leastId(at: Date): string {
  const milliseconds = at.getTime();
  if (Number.isNaN(milliseconds)) throw new TypeError('An invalid date bounds nothing.');
  const hex = Math.min(Math.max(milliseconds, 0), LATEST).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}
