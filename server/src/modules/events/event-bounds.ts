/**
 * The range of the types that `user.*` stands for: `/` follows `.`, so whatever begins with `user.` lies between, and nothing else, where
 * text is compared by its bytes. Null: the type stands for itself.
 */
export function typeRange(type: string): { from: string; before: string } | null {
  if (!type.endsWith('.*')) return null;
  const stem = type.slice(0, -'.*'.length);
  return { from: `${stem}.`, before: `${stem}/` };
}
