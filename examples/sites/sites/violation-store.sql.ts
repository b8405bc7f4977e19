import {
  type Database,
  type EventDraft,
  type Selectable,
  type SqlOutbox,
  sqlOf,
  type TimeColumn,
  toDate,
} from 'ostiary';
import type { ViolationAt, ViolationFilter, ViolationRecord, ViolationStore } from './violation-store.ts';

interface ViolationRow {
  id: string;
  site_id: string;
  text: string;
  status: ViolationRecord['status'];
  reported_by: string | null;
  created_at: TimeColumn;
  updated_at: TimeColumn;
  version: number;
}

interface ViolationTables {
  sites_violations: ViolationRow;
  sites_evidence: { violation_id: string; file_id: string; owner_id: string };
}

/** Violations on SQL. */
export function createSqlViolationStore(deps: { database: Database; outbox: SqlOutbox }): ViolationStore {
  const database = sqlOf<ViolationTables>(deps.database);
  const { db } = database;

  const listOf = ({ siteId, status }: ViolationFilter) =>
    db
      .selectFrom('sites_violations')
      .$if(siteId !== null, (violations) => violations.where('site_id', '=', siteId ?? ''))
      .$if(status !== undefined, (violations) => violations.where('status', '=', status ?? 'open'));

  const update = ({ id, version, now }: ViolationAt, set: Partial<Pick<ViolationRow, 'status'>> = {}) =>
    db
      .updateTable('sites_violations')
      .set({ ...set, updated_at: now, version: version + 1 })
      .where('id', '=', id)
      .where('version', '=', version)
      .compile();

  async function withEvidence(rows: Selectable<ViolationRow>[]): Promise<ViolationRecord[]> {
    if (rows.length === 0) return [];
    const ids = rows.map(({ id }) => id);
    const evidence = db.selectFrom('sites_evidence').selectAll().where('violation_id', 'in', ids).orderBy('file_id');
    const found = await evidence.execute();
    return rows.map((row) => ({
      id: row.id,
      siteId: row.site_id,
      text: row.text,
      status: row.status,
      reportedBy: row.reported_by,
      evidence: found
        .filter(({ violation_id }) => violation_id === row.id)
        .map(({ file_id: fileId, owner_id: ownerId }) => ({ fileId, ownerId })),
      createdAt: toDate(row.created_at),
      updatedAt: toDate(row.updated_at),
      version: row.version,
    }));
  }

  return {
    async insert({ id, siteId, text, status, reportedBy, createdAt, updatedAt, version }, event) {
      const of = { id, site_id: siteId, text, status, reported_by: reportedBy };
      const row = { ...of, created_at: createdAt, updated_at: updatedAt, version };
      const insertion = db.insertInto('sites_violations').values(row).compile();
      await deps.outbox.commitOne(database, event, version, insertion);
    },

    async find(id) {
      const rows = await db.selectFrom('sites_violations').selectAll().where('id', '=', id).execute();
      return (await withEvidence(rows))[0] ?? null;
    },

    async list(filter, { before, skip, limit }) {
      const page = listOf(filter).selectAll().orderBy('id', 'desc').offset(skip).limit(limit);
      return withEvidence(await (before === null ? page : page.where('id', '<', before)).execute());
    },

    async count(filter, limit) {
      const some = listOf(filter).select('id').limit(limit).as('some');
      const { count } = await db
        .selectFrom(some)
        .select(({ fn }) => fn.countAll().as('count'))
        .executeTakeFirstOrThrow();
      return Number(count);
    },

    addEvidence: (at, { fileId, ownerId }, event: EventDraft) =>
      deps.outbox.commit(database, event, at.version + 1, async (trx) => {
        const { numAffectedRows } = await trx.executeQuery(update(at));
        if (numAffectedRows !== 1n) return false;
        const row = { violation_id: at.id, file_id: fileId, owner_id: ownerId };
        await trx.insertInto('sites_evidence').values(row).execute();
        return true;
      }),

    resolve: (at, event) => deps.outbox.commitOne(database, event, at.version + 1, update(at, { status: 'resolved' })),

    async forgetUser(userId) {
      await db.updateTable('sites_violations').set({ reported_by: null }).where('reported_by', '=', userId).execute();
      await db.deleteFrom('sites_evidence').where('owner_id', '=', userId).execute();
    },
  };
}
