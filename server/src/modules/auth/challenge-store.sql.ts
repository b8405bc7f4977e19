import type { Selectable } from 'kysely';
import { type Database, sqlOf } from '../../platform/database/database.ts';
import { preparedInsert } from '../../platform/database/prepared.ts';
import { type TimeColumn, toDate } from '../../platform/database/values.ts';
import { leastId } from '../../platform/ids.ts';
import type { SqlOutbox } from '../events/outbox.sql.ts';
import type { ChallengeRecord, ChallengeStore } from './challenge-store.ts';

interface ChallengeRow {
  id: string;
  purpose: ChallengeRecord['purpose'];
  email: string;
  email_norm: string;
  key_id: string;
  tries: number;
  locale: string | null;
  return_to: string | null;
  expires_at: TimeColumn;
  created_at: TimeColumn;
  version: number;
}

interface ChallengeTables {
  challenges: ChallengeRow;
}

/** Challenges on SQL. */
export function createSqlChallengeStore(deps: { database: Database; outbox: SqlOutbox }): ChallengeStore {
  const database = sqlOf<ChallengeTables>(deps.database);
  const { db } = database;
  const insert = preparedInsert(db, 'challenges');

  return {
    async create({ id, purpose, email, emailNorm, keyId, tries, locale, returnTo, ...times }, event) {
      const { expiresAt, createdAt, version } = times;
      const row = {
        id,
        purpose,
        email,
        email_norm: emailNorm,
        key_id: keyId,
        tries,
        locale,
        return_to: returnTo,
        expires_at: expiresAt,
        created_at: createdAt,
        version,
      };
      await deps.outbox.commitOne(database, event, version, insert.with(row));
    },

    async find(id) {
      const row = await db.selectFrom('challenges').selectAll().where('id', '=', id).executeTakeFirst();
      return row ? toRecord(row) : null;
    },

    async listValid(emailNorm, purpose, now, limit) {
      const rows = await db
        .selectFrom('challenges')
        .selectAll()
        .where('email_norm', '=', emailNorm)
        .where('purpose', '=', purpose)
        .where('expires_at', '>', now)
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
        .execute();
      return rows.map(toRecord);
    },

    async countTry(id, limit, now) {
      const result = await db
        .updateTable('challenges')
        .set((eb) => ({ tries: eb('tries', '+', 1) }))
        .where('id', '=', id)
        .where('tries', '<', limit)
        .where('expires_at', '>', now)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },

    async giveBackTry(id) {
      await db
        .updateTable('challenges')
        .set((eb) => ({ tries: eb('tries', '-', 1) }))
        .where('id', '=', id)
        .where('tries', '>', 0)
        .execute();
    },

    mailAgain({ id, version }, event) {
      const next = db.updateTable('challenges').set({ version: version + 1 });
      const still = next.where('id', '=', id).where('version', '=', version);
      return deps.outbox.commitOne(database, event, version + 1, still.compile());
    },

    async remove(id) {
      await db.deleteFrom('challenges').where('id', '=', id).execute();
    },

    async purge(before, limit) {
      const old = db.selectFrom('challenges').select('id').where('id', '<', leastId(before)).orderBy('id').limit(limit);
      const ids = (await old.execute()).map(({ id }) => id);
      if (ids.length === 0) return 0;
      return Number((await db.deleteFrom('challenges').where('id', 'in', ids).executeTakeFirst()).numDeletedRows);
    },

    async removeForEmail(emailNorm) {
      await db.deleteFrom('challenges').where('email_norm', '=', emailNorm).execute();
    },
  };
}

function toRecord(row: Selectable<ChallengeRow>): ChallengeRecord {
  return {
    id: row.id,
    purpose: row.purpose,
    email: row.email,
    emailNorm: row.email_norm,
    keyId: row.key_id,
    tries: row.tries,
    locale: row.locale,
    returnTo: row.return_to,
    expiresAt: toDate(row.expires_at),
    createdAt: toDate(row.created_at),
    version: row.version,
  };
}
