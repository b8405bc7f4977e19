import type { Insertable, Selectable } from 'kysely';
import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import { prepared, preparedInsert } from '../../platform/database/prepared.ts';
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
import type { Proof, Rotation, SessionRecord, SessionStore } from './session-store.ts';

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
  const insert = preparedInsert(db, 'sessions');

  const rotation = prepared(
    (to: Omit<Rotation, 'refreshedBy'> & { generation: number; refreshedBy: string | null; toVersion: number }) =>
      db
        .updateTable('sessions')
        .set({
          generation: to.generation,
          token_hash: to.toHash,
          previous_hash: to.fromHash,
          rotation_nonce: to.nonce,
          rotated_at: to.now,
          generation_used: false,
          last_seen_at: to.now,
          idle_expires_at: to.idleExpiresAt,
          refreshed_by: to.refreshedBy,
          ip: to.ip,
          network: to.network,
          country: to.country,
          version: to.toVersion,
        })
        .where('id', '=', to.id)
        .where('version', '=', to.version)
        .where('generation', '=', to.fromGeneration)
        .where('token_hash', '=', to.fromHash)
        .where('ended_at', 'is', null)
        .where('idle_expires_at', '>', to.now),
  );

  const use = prepared((use: { id: string; generation: number; now: Date }) =>
    db
      .updateTable('sessions')
      .set({ generation_used: true, last_seen_at: use.now })
      .where('id', '=', use.id)
      .where('generation', '=', use.generation)
      .where('generation_used', '=', false),
  );

  const ending = prepared((to: { id: string; version: number; toVersion: number; endedAt: Date; endReason: string }) =>
    db
      .updateTable('sessions')
      .set({ ended_at: to.endedAt, end_reason: to.endReason, version: to.toVersion })
      .where('id', '=', to.id)
      .where('version', '=', to.version)
      .where('ended_at', 'is', null),
  );

  const open = prepared((of: { userId: string; now: Date }) =>
    db
      .selectFrom('sessions')
      .selectAll()
      .where('user_id', '=', of.userId)
      .where('ended_at', 'is', null)
      .where('idle_expires_at', '>', of.now)
      .where('expires_at', '>', of.now)
      .orderBy('created_at')
      .orderBy('id'),
  );

  const latest = prepared((of: { userId: string; limit: number }) =>
    db
      .selectFrom('sessions')
      .selectAll()
      .where('user_id', '=', of.userId)
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(of.limit),
  );

  async function find(id: string): Promise<SessionRecord | null> {
    const row = await byId(id);
    return row ? toRecord(row) : null;
  }

  return {
    find,

    async create(session, event) {
      try {
        return await deps.outbox.commitOne(database, event, session.version, insert.with(toRow(session)));
      } catch (error) {
        if (uniqueViolation(error) === null || (await find(session.id)) === null) throw error;
        return false;
      }
    },

    rotate(to, event) {
      const { version, fromGeneration, refreshedBy } = to;
      const change = rotation.with({
        ...to,
        generation: fromGeneration + 1,
        refreshedBy: refreshedBy && JSON.stringify(refreshedBy),
        toVersion: version + 1,
      });
      return deps.outbox.commitOne(database, event, version + 1, change);
    },

    async markUsed(id, generation, now) {
      await db.executeQuery(use.with({ id, generation, now }));
    },

    elevate({ id, version }, { methods, aal, authTime, organizationId }, event) {
      const change = db
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
        .where('ended_at', 'is', null);
      return deps.outbox.commitOne(database, event, version + 1, change.compile());
    },

    end({ id, version }, { endedAt, endReason }, event) {
      const change = ending.with({ id, version, toVersion: version + 1, endedAt, endReason });
      return deps.outbox.commitOne(database, event, version + 1, change);
    },

    async listOpen(userId, now) {
      return (await db.executeQuery(open.with({ userId, now }))).rows.map(toRecord);
    },

    async listLatest(userId, limit) {
      return (await db.executeQuery(latest.with({ userId, limit }))).rows.map(toRecord);
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
