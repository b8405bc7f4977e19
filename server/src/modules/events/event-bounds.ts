/**
 * The range of the types of `user.*`: `/` follows `.`, so that in byte order exactly the types that begin with `user.` are in between.
 * Null: an exact type.
 */
export function typeRange(type: string): { from: string; before: string } | null {
  if (!type.endsWith('.*')) return null;
  const stem = type.slice(0, -'.*'.length);
  return { from: `${stem}.`, before: `${stem}/` };
}
