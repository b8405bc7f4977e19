import type { UserOrder, UserPlace } from './user-store.ts';

/**
 * A stretch of an order (by value, then id) that one index lookup finds: the users without a value, those with the same value, or those
 * with any value (only the ones beyond `beyond`, unless it is null). It begins after `afterId`, in the direction of the order.
 */
export type Segment =
  | { kind: 'none'; afterId: string | null }
  | { kind: 'same'; value: string; afterId: string }
  | { kind: 'any'; beyond: string | null };

/** The rest of an order after a place, in segments: not every database looks up a pair of values in an index, or sorts nulls first. */
export function segmentsOf({ by, descending }: UserOrder, after: UserPlace | null): Segment[] {
  const has = (beyond: string | null): Segment => ({ kind: 'any', beyond });
  const none = (afterId: string | null): Segment[] => (by === 'createdAt' ? [] : [{ kind: 'none', afterId }]);
  if (after === null) return descending ? [has(null), ...none(null)] : [...none(null), has(null)];
  const { value, id } = after;
  if (value === null) return descending ? none(id) : [...none(id), has(null)];
  return [{ kind: 'same', value, afterId: id }, has(value), ...(descending ? none(null) : [])];
}

/** Reads part after part until the page is full. Calls `count` only for parts in which all users were skipped. */
export async function readThrough<Part, Row>(
  parts: Iterable<Part> | AsyncIterable<Part>,
  page: { skip: number; limit: number },
  read: (part: Part, skip: number, limit: number) => Promise<Row[]>,
  count: (part: Part, limit: number) => Promise<number>,
): Promise<Row[]> {
  const rows: Row[] = [];
  let { skip } = page;
  for await (const part of parts) {
    const found = await read(part, skip, page.limit - rows.length);
    rows.push(...found);
    if (rows.length >= page.limit) break;
    if (skip > 0) skip = found.length > 0 ? 0 : skip - (await count(part, skip));
  }
  return rows;
}
