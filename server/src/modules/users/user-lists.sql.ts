import { setImmediate as otherWork } from 'node:timers/promises';
import { type RawBuilder, type Selectable, type SqlBool, sql } from 'kysely';
import type { Dialect, SqlDatabase } from '../../platform/database/database.ts';
import { readThrough, type Segment, segmentsOf } from './user-order.ts';
import { toRecord, type UserRow, type UserTables } from './user-rows.sql.ts';
import { all, asksRow, conditionsOf, type Search, searchesOf } from './user-searches.sql.ts';
import type { UserFilter, UserOrder, UserPlace, UserStore } from './user-store.ts';

/** Limits that decide how a list is read; its result does not depend on them. */
export interface ListLimits {
  /** A search with at most this many matches is looked up and then sorted; the order soon leads to matches of one with more. */
  few: number;
  /** Added to `few` for each skipped user, who must be found along the order, too. */
  fewPerSkipped: number;
  /** Users of the order that one statement examines: at first, and at most. */
  firstWindow: number;
  largestWindow: number;
  /** If this many windows gave too few matches, a search with at most `many` matches is looked up after all. */
  patience: number;
  many: number;
}

/** Measured with a million users: SQLite takes some 5 µs for a look-up, and 1 to 3 µs for a user of a window. */
const LIMITS: ListLimits = {
  few: 5000,
  fewPerSkipped: 2,
  firstWindow: 1000,
  largestWindow: 8000,
  patience: 3,
  many: 100_000,
};

/** Usual maximum of terms of one user that have the same prefix. */
const ROWS_PER_USER = 2;

const COLUMNS = {
  createdAt: sql`users.created_at`,
  email: sql`users.email_norm`,
  username: sql`users.username`,
  lastLoginAt: sql`users.last_login_at`,
} as const;
const NEWEST_FIRST: UserOrder = { by: 'createdAt', descending: true };

interface Query {
  dialect: Dialect;
  filter: UserFilter;
  order: UserOrder;
  searches: Search[];
}

/** A stretch of an order: all of it, its next `window` users, or only the matches of the search `by`. */
interface Part {
  segment: Segment;
  window?: number;
  by?: Search;
}

/**
 * Lists of users on SQL. SQLite runs on the thread that answers all requests, so no statement scans all rows: an index finds a few of
 * them, or the order is read one window at a time.
 */
export function createSqlUserLists(
  { db, dialect }: SqlDatabase<UserTables>,
  limits: ListLimits = LIMITS,
): Pick<UserStore, 'list' | 'count'> {
  async function countRows(query: RawBuilder<unknown>, limit: number): Promise<number> {
    const counting = sql<{ count: number }>`select count(*) as count from (${query} limit ${limit}) as counted`;
    const { rows } = await counting.execute(db);
    return Number(rows[0]?.count);
  }

  /** Removes duplicates only from somewhat more rows than `limit`; from all rows if few users have many of them. */
  async function countFound({ users, rows }: Search, limit: number): Promise<number> {
    const most = limit * ROWS_PER_USER;
    const some = sql`select distinct user_id from (${rows} limit ${most}) as some_rows`;
    const count = await countRows(some, limit);
    return count < limit && (await countRows(rows, most)) === most ? countRows(users, limit) : count;
  }

  const countPart = (query: Query, part: Part, limit: number) => countRows(places(query, part), limit);

  async function readPart(query: Query, part: Part, skip: number, limit: number): Promise<Selectable<UserRow>[]> {
    const page = sql`${places(query, part)} order by ${sortedIn(query, part.segment)} limit ${limit} offset ${skip}`;
    const { rows } = await sql<Selectable<UserRow>>`select users.* from (${page}) as page
      join users on users.id = page.id order by ${sorted(query.order, sql`page.`)}`.execute(db);
    return rows;
  }

  /** The last user of a window; null if the stretch ends before it. */
  async function endOf(query: Query, segment: Segment, window: number): Promise<UserPlace | null> {
    const { rows } = await sql<{ id: string; sorted_by: string | Date | null }>`${stretch(query, { segment })}
      order by ${sortedIn(query, segment)} limit 1 offset ${window - 1}`.execute(db);
    const [last] = rows;
    if (!last) return null;
    return { id: last.id, value: last.sorted_by instanceof Date ? last.sorted_by.toISOString() : last.sorted_by };
  }

  /** The search with the fewest matches; null if these are more than `most`. */
  async function fewest(searches: Search[], most: number): Promise<Search | null> {
    let best: Search | null = null;
    let count = most + 1;
    for (const search of searches) {
      const found = await countRows(search.rows, count);
      if (found < count) [best, count] = [search, found];
    }
    return best;
  }

  /** `isSlow`: whether the first `looked` users of the order gave too few matches to continue like this. */
  async function* partsOf(
    query: Query,
    after: UserPlace | null,
    few: number,
    isSlow: (looked: number) => boolean,
  ): AsyncGenerator<Part> {
    const by = await fewest(query.searches, few);
    if (by || query.searches.every(({ meets }) => meets === null)) yield* whole(segmentsOf(query.order, after), by);
    else yield* windowsOf(query, after, isSlow);
  }

  async function* windowsOf(
    query: Query,
    after: UserPlace | null,
    isSlow: (looked: number) => boolean,
  ): AsyncGenerator<Part> {
    let [segment, ...later] = segmentsOf(query.order, after);
    let looked = 0;
    for (let turn = 1; segment; turn++) {
      const window = Math.min(limits.firstWindow * 2 ** (turn - 1), limits.largestWindow);
      yield { segment, window };
      looked += window;
      const end = await endOf(query, segment, window);
      const next = end ? segmentsOf(query.order, end) : later;
      const by = turn === limits.patience && isSlow(looked) ? await fewest(query.searches, limits.many) : null;
      if (by) {
        yield* whole(next, by);
        return;
      }
      [segment, ...later] = next;
      await otherWork();
    }
  }

  return {
    async list(filter, order, { after, skip, limit }) {
      if (filter.ids?.length === 0) return [];
      const query = { dialect, filter, order, searches: searchesOf(filter, order, dialect) };
      const rows = await readThrough<Part, Selectable<UserRow>>(
        // With `skip`, a page that is not full yet does not mean that matches are rare along the order.
        partsOf(query, after, limits.few + limits.fewPerSkipped * skip, () => skip === 0),
        { skip, limit },
        (part, skipped, most) => readPart(query, part, skipped, most),
        (part, most) => countPart(query, part, most),
      );
      return rows.map(toRecord);
    },

    async count(filter, limit) {
      if (filter.ids?.length === 0) return 0;
      const searches = searchesOf(filter, NEWEST_FIRST, dialect);
      const [only, ...others] = searches;
      if (only && others.length === 0 && !asksRow(filter)) return countFound(only, limit);
      const query = { dialect, filter, order: NEWEST_FIRST, searches };
      let count = 0;
      for await (const part of partsOf(query, null, limit, (looked) => count < looked / 100)) {
        count += await countPart(query, part, limit - count);
        if (count >= limit) break;
      }
      return count;
    },
  };
}

function whole(segments: Segment[], by: Search | null): Part[] {
  return segments.map((segment) => ({ segment, ...(by && { by }) }));
}

/** The ids of a part, each with its sort value. */
function places(query: Query, part: Part): RawBuilder<unknown> {
  const ids = stretch(query, part);
  const meets = query.searches.flatMap((search) => (search === part.by || search.meets === null ? [] : [search.meets]));
  if (meets.length === 0) return ids;
  const next = part.window === undefined ? sql`` : sql`order by ${sortedIn(query, part.segment)} limit ${part.window}`;
  return sql`select users.id, users.sorted_by from (${ids} ${next}) as users where ${all(meets)}`;
}

function stretch({ filter, order }: Query, { segment, by }: Part): RawBuilder<unknown> {
  // SQLite keeps the table order of a cross join.
  const from = by ? sql`(${by.users}) as found cross join users` : sql`users`;
  const conditions = [
    ...(by ? [sql<SqlBool>`users.id = found.user_id`] : []),
    ...within(order, segment),
    ...conditionsOf(unlessPassed(filter, order, segment)),
  ];
  return sql`select users.id, ${COLUMNS[order.by]} as sorted_by from ${from} where ${all(conditions)}`;
}

function within({ by, descending }: UserOrder, segment: Segment): RawBuilder<SqlBool>[] {
  const column = COLUMNS[by];
  const beyond = descending ? sql`<` : sql`>`;
  const read = (value: string) => (by === 'createdAt' || by === 'lastLoginAt' ? new Date(value) : value);
  switch (segment.kind) {
    case 'none':
      return [
        sql<SqlBool>`${column} is null`,
        ...(segment.afterId === null ? [] : [sql<SqlBool>`users.id ${beyond} ${segment.afterId}`]),
      ];
    case 'same':
      return [sql<SqlBool>`${column} = ${read(segment.value)}`, sql<SqlBool>`users.id ${beyond} ${segment.afterId}`];
    case 'any':
      if (segment.beyond !== null) return [sql<SqlBool>`${column} ${beyond} ${read(segment.beyond)}`];
      return by === 'createdAt' ? [] : [sql<SqlBool>`${column} is not null`];
  }
}

/** Without bounds that the segment implies: SQLite applies one bound to an index, and with the wider one would reread all earlier pages. */
function unlessPassed(filter: UserFilter, { by, descending }: UserOrder, segment: Segment): UserFilter {
  if (by !== 'createdAt' || segment.kind !== 'any' || segment.beyond === null) return filter;
  const { createdFrom, createdTo, ...rest } = filter;
  const beyond = new Date(segment.beyond);
  const from = !descending && createdFrom && createdFrom <= beyond ? undefined : createdFrom;
  const to = descending && createdTo && createdTo >= beyond ? undefined : createdTo;
  return { ...rest, ...(from && { createdFrom: from }), ...(to && { createdTo: to }) };
}

/** If all values are null, MySQL uses the index for an order by id only, and PostgreSQL for one by both columns. */
function sortedIn({ dialect, order }: Query, { kind }: Segment): RawBuilder<unknown> {
  if (kind !== 'none' || dialect !== 'mysql') return sorted(order);
  return order.descending ? sql`id desc` : sql`id asc`;
}

function sorted({ descending }: UserOrder, of: RawBuilder<unknown> = sql``): RawBuilder<unknown> {
  const direction = descending ? sql`desc` : sql`asc`;
  return sql`${of}sorted_by ${direction}, ${of}id ${direction}`;
}
