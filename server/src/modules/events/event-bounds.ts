const LATEST = 2 ** 48 - 1;

/**
 * The range of the types that `user.*` stands for: `/` follows `.`, so whatever begins with `user.` lies between, and nothing else, where
 * text is compared by its bytes. Null: the type stands for itself.
 */
export function typeRange(type: string): { from: string; before: string } | null {
  if (!type.endsWith('.*')) return null;
  const stem = type.slice(0, -'.*'.length);
  return { from: `${stem}.`, before: `${stem}/` };
}

/**
 * A text that no id from `at` on (RFC 9562, 5.7) is below, and every earlier one is: ids begin with their milliseconds. An event's id is
 * made from its time, so bounds on the id bound the time exactly, and in the order in which events are listed.
 */
export function leastId(at: Date): string {
  const milliseconds = at.getTime();
  if (Number.isNaN(milliseconds)) throw new TypeError('An invalid date bounds nothing.');
  const hex = Math.min(Math.max(milliseconds, 0), LATEST).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}
