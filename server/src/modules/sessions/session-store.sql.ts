import type { Insertable, Selectable } from 'kysely';
import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import { rowBy } from '../../platform/database/row-by.ts';
import {
  type BoolColumn,
  type NullableTimeColumn,
  type TimeColumn,
  toDate,
  toDateOrNull,
} from '../../platform/database/values.ts';
import type { SqlOutbox } from '../events/outbox.sql.ts';
import { amrOf, proofsOf } from './names.ts';
import type { Proof, SessionRecord, SessionStore } from './session-store.ts';

interface SessionRow {
  id: string;
  user_id: string;
  client_id: string;
  epoch: number;
  generation: number;
  token_hash: string;
  previous_hash: string | null;
  rotation_nonce: string | null;
  rotated_at: TimeColumn;
  generation_used: BoolColumn;
  /** For the previous version, which does not read `methods`. */
  amr: string;
  methods: string | null;
  aal: number | null;
  auth_time: TimeColumn;
  organization_id: string | null;
  parent_id: string | null;
  grant_id: string | null;
  jkt: string | null;
  provider_id: string | null;
  device: string;
  refreshed_by: string | null;
  ip: string;
  network: string;
  country: string | null;
  created_at: TimeColumn;
  last_seen_at: TimeColumn;
  idle_expires_at: TimeColumn;
  expires_at: TimeColumn;
  ended_at: NullableTimeColumn;
  end_reason: string | null;
  version: number;
}

interface SessionTables {
  sessions: SessionRow;
}

/** Sessions on SQL. */
export function createSqlSessionStore(deps: { database: Database; outbox: SqlOutbox }): SessionStore {
  const database = sqlOf<SessionTables>(deps.database);
  const { db } = database;

  const byId = rowBy(db, 'sessions', 'id');

  async function find(id: string): Promise<SessionRecord | null> {
    const row = await byId(id);
    return row ? toRecord(row) : null;
  }

  return {
    find,

    async create(session, event) {
      try {
        return await deps.outbox.commit(database, event, session.version, async (trx) => {
          await trx.insertInto('sessions').values(toRow(session)).execute();
          return true;
        });
      } catch (error) {
        if (uniqueViolation(error) === null || (await find(session.id)) === null) throw error;
        return false;
      }
    },

    rotate: (rotation, event) =>
      deps.outbox.commit(database, event, rotation.version + 1, async (trx) => {
        const result = await trx
          .updateTable('sessions')
          .set({
            generation: rotation.fromGeneration + 1,
            token_hash: rotation.toHash,
            previous_hash: rotation.fromHash,
            rotation_nonce: rotation.nonce,
            rotated_at: rotation.now,
            generation_used: false,
            last_seen_at: rotation.now,
            idle_expires_at: rotation.idleExpiresAt,
            refreshed_by: rotation.refreshedBy && JSON.stringify(rotation.refreshedBy),
            ip: rotation.ip,
            network: rotation.network,
            country: rotation.country,
            version: rotation.version + 1,
          })
          .where('id', '=', rotation.id)
          .where('version', '=', rotation.version)
          .where('generation', '=', rotation.fromGeneration)
          .where('token_hash', '=', rotation.fromHash)
          .where('ended_at', 'is', null)
          .where('idle_expires_at', '>', rotation.now)
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      }),

    async markUsed(id, generation, now) {
      await db
        .updateTable('sessions')
        .set({ generation_used: true, last_seen_at: now })
        .where('id', '=', id)
        .where('generation', '=', generation)
        .where('generation_used', '=', false)
        .execute();
    },

    elevate: ({ id, version }, { methods, aal, authTime, organizationId }, event) =>
      deps.outbox.commit(database, event, version + 1, async (trx) => {
        const result = await trx
          .updateTable('sessions')
          .set({
            ...proofColumns(methods),
            aal,
            auth_time: authTime,
            organization_id: organizationId,
            version: version + 1,
          })
          .where('id', '=', id)
          .where('version', '=', version)
          .where('ended_at', 'is', null)
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      }),

    end: ({ id, version }, { endedAt, endReason }, event) =>
      deps.outbox.commit(database, event, version + 1, async (trx) => {
        const result = await trx
          .updateTable('sessions')
          .set({ ended_at: endedAt, end_reason: endReason, version: version + 1 })
          .where('id', '=', id)
          .where('version', '=', version)
          .where('ended_at', 'is', null)
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      }),

    async listOpen(userId, now) {
      const rows = await db
        .selectFrom('sessions')
        .selectAll()
        .where('user_id', '=', userId)
        .where('ended_at', 'is', null)
        .where('idle_expires_at', '>', now)
        .where('expires_at', '>', now)
        .orderBy('created_at')
        .orderBy('id')
        .execute();
      return rows.map(toRecord);
    },

    async listLatest(userId, limit) {
      const rows = await db
        .selectFrom('sessions')
        .selectAll()
        .where('user_id', '=', userId)
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
        .execute();
      return rows.map(toRecord);
    },

    async purge(before, { after, limit }) {
      const page = await db
        .selectFrom('sessions')
        .select(['id', 'ended_at', 'idle_expires_at'])
        .$if(after !== null, (query) => query.where('id', '>', after ?? ''))
        .orderBy('id')
        .limit(limit)
        .execute();
      const over = page.filter(({ ended_at, idle_expires_at }) => toDate(ended_at ?? idle_expires_at) < before);
      const last = page.length < limit ? null : (page.at(-1)?.id ?? null);
      if (over.length === 0) return { removed: 0, last };
      const ids = over.map(({ id }) => id);
      // The condition spares a session that was rotated since it was read.
      const gone = await db
        .deleteFrom('sessions')
        .where('id', 'in', ids)
        .where((eb) => eb.or([eb('ended_at', '<', before), eb('idle_expires_at', '<', before)]))
        .executeTakeFirst();
      return { removed: Number(gone.numDeletedRows), last };
    },

    async removeForUser(userId) {
      await db.deleteFrom('sessions').where('user_id', '=', userId).execute();
    },
  };
}

function proofColumns(methods: readonly Proof[]) {
  return { methods: JSON.stringify(methods), amr: JSON.stringify(amrOf(methods)) };
}

function toProofs(text: string): Proof[] {
  return (JSON.parse(text) as { method: Proof['method']; at: string }[]).map(({ method, at }) => ({
    method,
    at: new Date(at),
  }));
}

function toRow(session: SessionRecord): Insertable<SessionRow> {
  return {
    id: session.id,
    user_id: session.userId,
    client_id: session.clientId,
    epoch: session.epoch,
    generation: session.generation,
    token_hash: session.tokenHash,
    previous_hash: session.previousHash,
    rotation_nonce: session.rotationNonce,
    rotated_at: session.rotatedAt,
    generation_used: session.generationUsed,
    ...proofColumns(session.methods),
    aal: session.aal,
    auth_time: session.authTime,
    organization_id: session.organizationId,
    parent_id: session.parentId,
    grant_id: session.grantId,
    jkt: session.jkt,
    provider_id: session.providerId,
    device: JSON.stringify(session.device),
    refreshed_by: session.refreshedBy && JSON.stringify(session.refreshedBy),
    ip: session.ip,
    network: session.network,
    country: session.country,
    created_at: session.createdAt,
    last_seen_at: session.lastSeenAt,
    idle_expires_at: session.idleExpiresAt,
    expires_at: session.expiresAt,
    ended_at: session.endedAt,
    end_reason: session.endReason,
    version: session.version,
  };
}

function toRecord(row: Selectable<SessionRow>): SessionRecord {
  return {
    id: row.id,
    userId: row.user_id,
    clientId: row.client_id,
    epoch: row.epoch,
    generation: row.generation,
    tokenHash: row.token_hash,
    previousHash: row.previous_hash,
    rotationNonce: row.rotation_nonce,
    rotatedAt: toDate(row.rotated_at),
    generationUsed: Boolean(row.generation_used),
    methods: row.methods === null ? proofsOf(JSON.parse(row.amr), toDate(row.auth_time)) : toProofs(row.methods),
    aal: row.aal === 2 ? 2 : 1,
    authTime: toDate(row.auth_time),
    organizationId: row.organization_id,
    parentId: row.parent_id,
    grantId: row.grant_id,
    jkt: row.jkt,
    providerId: row.provider_id,
    device: JSON.parse(row.device),
    refreshedBy: row.refreshed_by === null ? null : JSON.parse(row.refreshed_by),
    ip: row.ip,
    network: row.network,
    country: row.country,
    createdAt: toDate(row.created_at),
    lastSeenAt: toDate(row.last_seen_at),
    idleExpiresAt: toDate(row.idle_expires_at),
    expiresAt: toDate(row.expires_at),
    endedAt: toDateOrNull(row.ended_at),
    endReason: row.end_reason,
    version: row.version,
  };
}
