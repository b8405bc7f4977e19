import { setImmediate as otherWork } from 'node:timers/promises';
import { type RawBuilder, type Selectable, type SqlBool, sql } from 'kysely';
import type { SqlDatabase } from '../../platform/database/database.ts';
import { readThrough, type Segment, segmentsOf } from './user-order.ts';
import { toRecord, type UserRow, type UserTables } from './user-rows.sql.ts';
import { all, conditionsOf, fewest, type Search, searchesOf, userIds } from './user-searches.sql.ts';
import type { UserFilter, UserOrder, UserPlace, UserStore } from './user-store.ts';

/**
 * What at most so many users meet is looked up by it, and then sorted; what more of them meet is soon met along the order. Who is
 * skipped has to be found there, too.
 */
const FEW = 5000;
const FEW_PER_SKIPPED = 2;
/** Users of an order that one statement looks through: at first, and at most. */
const FIRST_WINDOW = 1000;
const LARGEST_WINDOW = 16_000;

const COLUMNS = {
  createdAt: sql`users.created_at`,
  email: sql`users.email_norm`,
  username: sql`users.username`,
  lastLoginAt: sql`users.last_login_at`,
} as const;

/** A stretch of an order, or so many users of it. */
interface Part {
  segment: Segment;
  window: number | null;
}

/** What a list asks for, made ready. */
interface Plan {
  filter: UserFilter;
  order: UserOrder;
  /** By which the users are looked up; null: along the order. */
  by: Search | null;
  /** What remains to be asked of each. */
  meets: RawBuilder<SqlBool>[];
}

/**
 * Lists of users on SQL. SQLite works on the very thread that answers everybody, so no statement looks through all users: an index
 * finds a few of them, or their order is followed a window at a time.
 */
export function createSqlUserLists({ db }: SqlDatabase<UserTables>): Pick<UserStore, 'list' | 'count'> {
  async function countRows(query: RawBuilder<unknown>, limit: number): Promise<number> {
    const counting = sql<{ count: number }>`select count(*) as count from (${query} limit ${limit}) as counted`;
    const { rows } = await counting.execute(db);
    return Number(rows[0]?.count);
  }

  async function readRows(plan: Plan, part: Part, skip: number, limit: number): Promise<Selectable<UserRow>[]> {
    const page = sql`${places(plan, part)} order by ${sorted(plan.order)} limit ${limit} offset ${skip}`;
    const { rows } = await sql<Selectable<UserRow>>`select users.* from (${page}) as page
      join users on users.id = page.id order by ${sorted(plan.order, sql`page.`)}`.execute(db);
    return rows;
  }

  /** The last user of a window; null where the stretch ends before. */
  async function endOf(plan: Plan, { segment }: Part, window: number): Promise<UserPlace | null> {
    const { rows } = await sql<{ id: string; sorted_by: string | Date | null }>`${stretch(plan, segment)}
      order by ${sorted(plan.order)} limit 1 offset ${window - 1}`.execute(db);
    const [last] = rows;
    if (!last) return null;
    return { id: last.id, value: last.sorted_by instanceof Date ? last.sorted_by.toISOString() : last.sorted_by };
  }

  async function* windows(plan: Plan, after: UserPlace | null): AsyncGenerator<Part> {
    let [segment, ...later] = segmentsOf(plan.order, after);
    for (let window = FIRST_WINDOW; segment; window = Math.min(2 * window, LARGEST_WINDOW)) {
      const part = { segment, window };
      yield part;
      const end = await endOf(plan, part, window);
      [segment, ...later] = end ? segmentsOf(plan.order, end) : later;
      await otherWork();
    }
  }

  return {
    async list(filter, order, { after, skip, limit }) {
      if (filter.ids?.length === 0) return [];
      const searches = searchesOf(filter, order);
      const found = await fewest(searches, FEW + FEW_PER_SKIPPED * skip, countRows);
      const by = found?.isExact ? found.search : null;
      const meets = searches.flatMap((search) => (search === by || !search.meets ? [] : [search.meets]));
      const plan = { filter, order, by, meets };
      const stretches = () => segmentsOf(order, after).map((segment) => ({ segment, window: null }));
      const rows = await readThrough<Part, Selectable<UserRow>>(
        by || meets.length === 0 ? stretches() : windows(plan, after),
        { skip, limit },
        (part, skipped, most) => readRows(plan, part, skipped, most),
        (part, most) => countRows(places(plan, part), most),
      );
      return rows.map(toRecord);
    },

    async count(filter, limit) {
      if (filter.ids?.length === 0) return 0;
      const searches = searchesOf(filter, null);
      const by = (await fewest(searches, limit, countRows))?.search ?? null;
      const meets = searches.flatMap((search) => (search === by || !search.meets ? [] : [search.meets]));
      return countRows(userIds(filter, by, meets), limit);
    },
  };
}

/** The ids of a part, each with what it is sorted by. */
function places(plan: Plan, { segment, window }: Part): RawBuilder<unknown> {
  const ids = stretch(plan, segment);
  if (plan.meets.length === 0) return ids;
  const users = window === null ? ids : sql`${ids} order by ${sorted(plan.order)} limit ${window}`;
  return sql`select users.id, users.sorted_by from (${users}) as users where ${all(plan.meets)}`;
}

function stretch({ filter, order, by }: Plan, segment: Segment): RawBuilder<unknown> {
  // A cross join, because SQLite keeps its order.
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

/** SQLite bounds an index by one of two conditions, and would pass by all the pages before this one if it chose the wider. */
function unlessPassed(filter: UserFilter, { by, descending }: UserOrder, segment: Segment): UserFilter {
  if (by !== 'createdAt' || segment.kind !== 'any' || segment.beyond === null) return filter;
  const { createdFrom, createdTo, ...rest } = filter;
  const beyond = new Date(segment.beyond);
  const from = !descending && createdFrom && createdFrom <= beyond ? undefined : createdFrom;
  const to = descending && createdTo && createdTo >= beyond ? undefined : createdTo;
  return { ...rest, ...(from && { createdFrom: from }), ...(to && { createdTo: to }) };
}

function sorted({ descending }: UserOrder, of: RawBuilder<unknown> = sql``): RawBuilder<unknown> {
  const direction = descending ? sql`desc` : sql`asc`;
  return sql`${of}sorted_by ${direction}, ${of}id ${direction}`;
}
