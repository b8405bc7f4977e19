import { type Database, sqlOf } from '../../platform/database/database.ts';
import { type TimeColumn, toDate } from '../../platform/database/values.ts';
import { leastId } from '../../platform/ids.ts';
import type { SqlOutbox } from '../events/outbox.sql.ts';
import type { ChallengeRecord, ChallengeStore } from './challenge-store.ts';

interface ChallengeTables {
  challenges: {
    id: string;
    purpose: ChallengeRecord['purpose'];
    email: string;
    email_norm: string;
    key_id: string;
    expires_at: TimeColumn;
    created_at: TimeColumn;
  };
}

/** Challenges on SQL. */
export function createSqlChallengeStore(deps: { database: Database; outbox: SqlOutbox }): ChallengeStore {
  const database = sqlOf<ChallengeTables>(deps.database);
  const { db } = database;

  return {
    async create({ id, purpose, email, emailNorm, keyId, expiresAt, createdAt }, event) {
      const row = {
        id,
        purpose,
        email,
        email_norm: emailNorm,
        key_id: keyId,
        expires_at: expiresAt,
        created_at: createdAt,
      };
      await deps.outbox.commit(database, event, 1, async (trx) => {
        await trx.insertInto('challenges').values(row).execute();
        return true;
      });
    },

    async find(id) {
      const row = await db.selectFrom('challenges').selectAll().where('id', '=', id).executeTakeFirst();
      if (!row) return null;
      const { purpose, email, email_norm: emailNorm, key_id: keyId } = row;
      return {
        id,
        purpose,
        email,
        emailNorm,
        keyId,
        expiresAt: toDate(row.expires_at),
        createdAt: toDate(row.created_at),
      };
    },

    async countSince(purpose, emailNorm, since, upTo) {
      const row = await db
        .selectFrom('challenges')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('email_norm', '=', emailNorm)
        .where('purpose', '=', purpose)
        .where('created_at', '>=', since)
        .$if(upTo !== undefined, (query) => query.where('id', '<=', upTo ?? ''))
        .executeTakeFirstOrThrow();
      return Number(row.count);
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
