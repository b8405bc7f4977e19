/**
 * The one range that `Range` asks for (RFC 9110, 14.2), both ends inclusive; null for several, for none that can be satisfied, and for
 * whatever is no range: then everything is sent, which is always right.
 */
export function byteRange(header: string | undefined, size: number): { start: number; end: number } | null {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return null;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return start <= end ? { start, end } : null;
}
