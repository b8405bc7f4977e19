import { type Database, type Selectable, type SqlOutbox, sqlOf, type TimeColumn, toDate } from 'ostiary';
import type { SiteRecord, SiteStore } from './site-store.ts';

interface SiteRow {
  id: string;
  name: string;
  created_at: TimeColumn;
  updated_at: TimeColumn;
  version: number;
}

interface SiteTables {
  sites: SiteRow;
  sites_users: { site_id: string; user_id: string };
}

/** Sites on SQL. */
export function createSqlSiteStore(deps: { database: Database; outbox: SqlOutbox }): SiteStore {
  const database = sqlOf<SiteTables>(deps.database);
  const { db } = database;

  const listOf = (userId: string | null) => {
    const sites = db.selectFrom('sites');
    if (userId === null) return sites;
    const theirs = db.selectFrom('sites_users').select('site_id').where('user_id', '=', userId);
    return sites.where('id', 'in', theirs);
  };

  async function withUsers(rows: Selectable<SiteRow>[]): Promise<SiteRecord[]> {
    if (rows.length === 0) return [];
    const ids = rows.map(({ id }) => id);
    const found = await db
      .selectFrom('sites_users')
      .selectAll()
      .where('site_id', 'in', ids)
      .orderBy('user_id')
      .execute();
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      userIds: found.filter(({ site_id }) => site_id === row.id).map(({ user_id }) => user_id),
      createdAt: toDate(row.created_at),
      updatedAt: toDate(row.updated_at),
      version: row.version,
    }));
  }

  return {
    async insert({ id, name, userIds, createdAt, updatedAt, version }, event) {
      const row = { id, name, created_at: createdAt, updated_at: updatedAt, version };
      await deps.outbox.commit(database, event, version, async (trx) => {
        await trx.insertInto('sites').values(row).execute();
        const users = userIds.map((userId) => ({ site_id: id, user_id: userId }));
        if (users.length > 0) await trx.insertInto('sites_users').values(users).execute();
        return true;
      });
    },

    async find(id) {
      const [site] = await withUsers(await db.selectFrom('sites').selectAll().where('id', '=', id).execute());
      return site ?? null;
    },

    async list({ userId }, { before, skip, limit }) {
      const page = listOf(userId).selectAll().orderBy('id', 'desc').offset(skip).limit(limit);
      return withUsers(await (before === null ? page : page.where('id', '<', before)).execute());
    },

    async count({ userId }, limit) {
      const some = listOf(userId).select('id').limit(limit).as('some');
      const { count } = await db
        .selectFrom(some)
        .select(({ fn }) => fn.countAll().as('count'))
        .executeTakeFirstOrThrow();
      return Number(count);
    },

    setUsers: ({ id, version, now }, userIds, event) =>
      deps.outbox.commit(database, event, version + 1, async (trx) => {
        const { numUpdatedRows } = await trx
          .updateTable('sites')
          .set({ updated_at: now, version: version + 1 })
          .where('id', '=', id)
          .where('version', '=', version)
          .executeTakeFirst();
        if (numUpdatedRows !== 1n) return false;
        await trx.deleteFrom('sites_users').where('site_id', '=', id).execute();
        const users = userIds.map((userId) => ({ site_id: id, user_id: userId }));
        if (users.length > 0) await trx.insertInto('sites_users').values(users).execute();
        return true;
      }),
  };
}
