import type { UserOrder, UserPlace } from './user-store.ts';

/**
 * A stretch of an order that one index lookup finds, in which users are sorted by value and id: those without a value, those who
 * share one, or those with any value (`beyond` one, if said). `afterId` begins it behind a user; in the direction of the order.
 */
export type Segment =
  | { kind: 'none'; afterId: string | null }
  | { kind: 'same'; value: string; afterId: string }
  | { kind: 'any'; beyond: string | null };

/** What of an order lies after a place, in parts: a comparison of pairs is no index lookup on every database, nor are nulls first. */
export function segmentsOf({ by, descending }: UserOrder, after: UserPlace | null): Segment[] {
  const has = (beyond: string | null): Segment => ({ kind: 'any', beyond });
  const none = (afterId: string | null): Segment[] => (by === 'createdAt' ? [] : [{ kind: 'none', afterId }]);
  if (after === null) return descending ? [has(null), ...none(null)] : [...none(null), has(null)];
  const { value, id } = after;
  if (value === null) return descending ? none(id) : [...none(id), has(null)];
  return [{ kind: 'same', value, afterId: id }, has(value), ...(descending ? none(null) : [])];
}

/** Reads on from part to part until the page is full. `count` is asked only about parts in which everybody was skipped. */
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
