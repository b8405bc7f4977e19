import type { ExpressionBuilder, Insertable, Selectable, Updateable } from 'kysely';
import { type Database, sqlOf } from '../../platform/database/database.ts';
import {
  type BoolColumn,
  type NullableTimeColumn,
  type TimeColumn,
  toDate,
  toDateOrNull,
} from '../../platform/database/values.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { SqlOutbox } from '../events/outbox.sql.ts';
import type { ApiKeyAt, ApiKeyRecord, ApiKeyStore, LiveKeyFilter } from './api-key-store.ts';

interface ApiKeyRow {
  id: string;
  kind: ApiKeyRecord['kind'];
  subject_id: string;
  organization_id: string | null;
  name: string;
  hash: string;
  previous_hash: string | null;
  previous_until: NullableTimeColumn;
  scopes: string;
  wide: BoolColumn;
  networks: string;
  rate_max: number | null;
  rate_window_seconds: number | null;
  aal: number;
  phishing_resistant: BoolColumn;
  grant_epoch: number;
  created_by: string | null;
  expires_at: TimeColumn;
  remind_at: NullableTimeColumn;
  revoked_at: NullableTimeColumn;
  revoke_reason: string | null;
  last_used_at: NullableTimeColumn;
  last_used_ip: string | null;
  last_used_agent: string | null;
  seen_networks: string;
  network_told_at: NullableTimeColumn;
  refusal_told_at: NullableTimeColumn;
  created_at: TimeColumn;
  updated_at: TimeColumn;
  version: number;
}

type Tables = { api_keys: ApiKeyRow };

/** Keys on SQL. */
export function createSqlApiKeyStore(deps: { database: Database; outbox: SqlOutbox }): ApiKeyStore {
  const database = sqlOf<Tables>(deps.database);
  const { db } = database;

  const change = ({ id, version, now }: ApiKeyAt, set: Updateable<ApiKeyRow>, event: EventDraft) => {
    const update = db
      .updateTable('api_keys')
      .set({ ...set, updated_at: now, version: version + 1 })
      .where('id', '=', id)
      .where('version', '=', version)
      .where('revoked_at', 'is', null);
    return deps.outbox.commitOne(database, event, version + 1, update.compile());
  };

  const shown =
    ({ now, unusedSince, expiresBefore, wide, subjectId }: LiveKeyFilter) =>
    ({ eb, and, or }: ExpressionBuilder<Tables, 'api_keys'>) =>
      and([
        eb('revoked_at', 'is', null),
        eb('expires_at', '>', now),
        ...(unusedSince === undefined
          ? []
          : [
              eb('created_at', '<', unusedSince),
              or([eb('last_used_at', 'is', null), eb('last_used_at', '<', unusedSince)]),
            ]),
        ...(expiresBefore === undefined ? [] : [eb('expires_at', '<', expiresBefore)]),
        ...(wide === undefined ? [] : [eb('wide', '=', wide)]),
        ...(subjectId === undefined ? [] : [eb('subject_id', '=', subjectId)]),
      ]);

  return {
    async insert(key, event) {
      const insert = db.insertInto('api_keys').values(toRow(key));
      await deps.outbox.commitOne(database, event, key.version, insert.compile());
    },

    async find(id) {
      const row = await db.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirst();
      return row ? toRecord(row) : null;
    },

    async listOf(subjectId, limit) {
      const theirs = db.selectFrom('api_keys').selectAll().where('subject_id', '=', subjectId);
      const rows = await theirs.where('revoked_at', 'is', null).orderBy('id', 'desc').limit(limit).execute();
      return rows.map(toRecord);
    },

    async list(filter, { before, skip, limit }) {
      const some = db.selectFrom('api_keys').selectAll().where(shown(filter));
      const page = some.orderBy('id', 'desc').offset(skip).limit(limit);
      return (await (before === null ? page : page.where('id', '<', before)).execute()).map(toRecord);
    },

    async count(filter, limit) {
      const some = db.selectFrom('api_keys').select('id').where(shown(filter)).limit(limit).as('some');
      const { count } = await db
        .selectFrom(some)
        .select(({ fn }) => fn.countAll().as('count'))
        .executeTakeFirstOrThrow();
      return Number(count);
    },

    narrow: (at, { name, scopes, wide, networks, expiresAt, remindAt }, event) =>
      change(
        at,
        {
          name,
          scopes: JSON.stringify(scopes),
          wide,
          networks: JSON.stringify(networks),
          expires_at: expiresAt,
          remind_at: remindAt,
        },
        event,
      ),

    rotate: (at, { hash, previousHash, previousUntil, expiresAt, remindAt }, event) =>
      change(
        at,
        {
          hash,
          previous_hash: previousHash,
          previous_until: previousUntil,
          expires_at: expiresAt,
          remind_at: remindAt,
        },
        event,
      ),

    revoke: (at, reason, event) =>
      change(at, { revoked_at: at.now, revoke_reason: reason, previous_hash: null, remind_at: null }, event),

    async noteUse(id, { at, ip, agent }, olderThan) {
      const result = await db
        .updateTable('api_keys')
        .set({ last_used_at: at, last_used_ip: ip, last_used_agent: agent })
        .where('id', '=', id)
        .where(({ or, eb }) => or([eb('last_used_at', 'is', null), eb('last_used_at', '<=', olderThan)]))
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },

    noteNetwork: (at, { seenNetworks, networkToldAt }, event) =>
      change(at, { seen_networks: JSON.stringify(seenNetworks), network_told_at: networkToldAt }, event),

    noteRefusal: (at, refusalToldAt, event) => change(at, { refusal_told_at: refusalToldAt }, event),

    async dueReminders(now, limit) {
      const due = db.selectFrom('api_keys').selectAll().where('remind_at', '<=', now).where('revoked_at', 'is', null);
      return (await due.orderBy('remind_at').limit(limit).execute()).map(toRecord);
    },

    remind: (at, remindAt, event) => change(at, { remind_at: remindAt }, event),

    async purge(before, limit) {
      const old = db.selectFrom('api_keys').select('id').where('expires_at', '<', before).limit(limit);
      const ids = (await old.execute()).map(({ id }) => id);
      if (ids.length === 0) return 0;
      // One that was rotated since it was read stays.
      const removal = db.deleteFrom('api_keys').where('id', 'in', ids).where('expires_at', '<', before);
      return Number((await removal.executeTakeFirst()).numDeletedRows);
    },

    async removeForSubject(subjectId) {
      await db.deleteFrom('api_keys').where('subject_id', '=', subjectId).execute();
    },
  };
}

function toRow({ id, kind, name, hash, wide, aal, version, ...key }: ApiKeyRecord): Insertable<ApiKeyRow> {
  return {
    id,
    kind,
    subject_id: key.subjectId,
    organization_id: key.organizationId,
    name,
    hash,
    previous_hash: key.previousHash,
    previous_until: key.previousUntil,
    scopes: JSON.stringify(key.scopes),
    wide,
    networks: JSON.stringify(key.networks),
    rate_max: key.rateLimit?.max ?? null,
    rate_window_seconds: key.rateLimit?.windowSeconds ?? null,
    aal,
    phishing_resistant: key.phishingResistant,
    grant_epoch: key.grantEpoch,
    created_by: key.createdBy,
    expires_at: key.expiresAt,
    remind_at: key.remindAt,
    revoked_at: key.revokedAt,
    revoke_reason: key.revokeReason,
    last_used_at: key.lastUsedAt,
    last_used_ip: key.lastUsedIp,
    last_used_agent: key.lastUsedAgent,
    seen_networks: JSON.stringify(key.seenNetworks),
    network_told_at: key.networkToldAt,
    refusal_told_at: key.refusalToldAt,
    created_at: key.createdAt,
    updated_at: key.updatedAt,
    version,
  };
}

function toRecord({ id, kind, name, hash, wide, aal, version, ...row }: Selectable<ApiKeyRow>): ApiKeyRecord {
  const { rate_max: max, rate_window_seconds: windowSeconds } = row;
  return {
    id,
    kind,
    subjectId: row.subject_id,
    organizationId: row.organization_id,
    name,
    hash,
    previousHash: row.previous_hash,
    previousUntil: toDateOrNull(row.previous_until),
    scopes: JSON.parse(row.scopes),
    wide: Boolean(wide),
    networks: JSON.parse(row.networks),
    rateLimit: max === null || windowSeconds === null ? null : { max, windowSeconds },
    aal: aal === 2 ? 2 : 1,
    phishingResistant: Boolean(row.phishing_resistant),
    grantEpoch: row.grant_epoch,
    createdBy: row.created_by,
    expiresAt: toDate(row.expires_at),
    remindAt: toDateOrNull(row.remind_at),
    revokedAt: toDateOrNull(row.revoked_at),
    revokeReason: row.revoke_reason,
    lastUsedAt: toDateOrNull(row.last_used_at),
    lastUsedIp: row.last_used_ip,
    lastUsedAgent: row.last_used_agent,
    seenNetworks: JSON.parse(row.seen_networks),
    networkToldAt: toDateOrNull(row.network_told_at),
    refusalToldAt: toDateOrNull(row.refusal_told_at),
    createdAt: toDate(row.created_at),
    updatedAt: toDate(row.updated_at),
    version,
  };
}
