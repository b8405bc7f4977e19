import { type RawBuilder, sql, type Updateable } from 'kysely';
import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import { prepared } from '../../platform/database/prepared.ts';
import { rowBy } from '../../platform/database/row-by.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { SqlOutbox } from '../events/outbox.sql.ts';
import { ERASED } from './erasure.ts';
import { TERMS_VERSION } from './search-terms.ts';
import { createSqlUserBatches } from './user-batches.sql.ts';
import { userChanges } from './user-changes.ts';
import { changesTerms, enterUser, followUser, isFollowed, rebuildTermsOf } from './user-index.sql.ts';
import { createSqlUserLists } from './user-lists.sql.ts';
import { toColumns, toRecord, toRow, type UserRow, type UserTables } from './user-rows.sql.ts';
import type { UserAt, UserChange, UserRecord, UserStore } from './user-store.ts';

/** Users on SQL. */
export function createSqlUserStore(deps: { database: Database; outbox: SqlOutbox }): UserStore {
  const database = sqlOf<UserTables>(deps.database);
  const { db } = database;

  const findBy = (column: 'id' | 'email_norm' | 'username_key') => {
    const read = rowBy(db, 'users', column);
    return async (value: string): Promise<UserRecord | null> => {
      const row = await read(value);
      return row ? toRecord(row) : null;
    };
  };
  const find = findBy('id');

  const login = prepared((its: { id: string; at: Date }) =>
    db
      .updateTable('users')
      .set({ last_login_at: its.at })
      .where('id', '=', its.id)
      .where(({ or, eb }) => or([eb('last_login_at', 'is', null), eb('last_login_at', '<', its.at)])),
  );

  /** Writes `set` and the event if the user is still at the version that was read. */
  async function change(
    { id, version, now }: UserAt,
    set: Omit<Updateable<UserRow>, 'deleted_at'> & { deleted_at?: Date | null | RawBuilder<Date> | undefined },
    event: EventDraft,
  ): Promise<UserChange> {
    const update = db
      .updateTable('users')
      .set({
        ...set,
        ...(changesTerms(set) && { terms_version: TERMS_VERSION }),
        updated_at: now,
        version: version + 1,
      })
      .where('id', '=', id)
      .where('version', '=', version)
      .compile();
    try {
      const won = isFollowed(set)
        ? await deps.outbox.commit(database, event, version + 1, async (trx) => {
            if ((await trx.executeQuery(update)).numAffectedRows !== 1n) return false;
            await followUser(trx, id, set);
            return true;
          })
        : await deps.outbox.commitOne(database, event, version + 1, update);
      return won ? 'ok' : 'lost';
    } catch (error) {
      return takenName(error);
    }
  }

  return {
    async insert(user, event) {
      try {
        await deps.outbox.commit(database, event, user.version, async (trx) => {
          await trx
            .insertInto('users')
            .values({ ...toRow(user), terms_version: TERMS_VERSION })
            .execute();
          await enterUser(trx, user);
          return true;
        });
        return 'ok';
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        // A used registration violates the uniqueness of its own address, too; the database chooses which violation it reports.
        return (await find(user.id)) ? 'lost' : takenName(error);
      }
    },

    ...createSqlUserBatches({ database, outbox: deps.outbox }),

    find,
    findByEmail: findBy('email_norm'),
    findByUsernameKey: findBy('username_key'),

    ...userChanges((at, set, event) => change(at, toColumns(set), event)),

    async upgradeHash(id, from, to) {
      const result = await db
        .updateTable('users')
        .set({ password_hash: to })
        .where('id', '=', id)
        .where('password_hash', '=', from)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },

    extendEmailChange: (at, expiresAt, event) => change(at, { email_change_expires_at: expiresAt }, event),

    async countEmailTry(id, challengeId, limit, now) {
      const result = await db
        .updateTable('users')
        .set((eb) => ({ email_change_tries: eb('email_change_tries', '+', 1) }))
        .where('id', '=', id)
        .where('email_change_id', '=', challengeId)
        .where('email_change_tries', '<', limit)
        .where('email_change_expires_at', '>', now)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },

    erase: (at, { sessionEpoch, grantEpoch, credentialEpoch }, event) =>
      change(
        at,
        {
          ...toColumns({ ...ERASED, sessionEpoch, grantEpoch, credentialEpoch }),
          deleted_at: sql<Date>`coalesce(deleted_at, ${at.now})`,
        },
        event,
      ),

    async remove(id) {
      // The erasure has already emptied the side tables.
      await db.deleteFrom('users').where('id', '=', id).where('status', '=', 'erased').execute();
    },

    async rebuildTerms(limit) {
      const earlier = db.selectFrom('users').select('id').where('terms_version', '<', TERMS_VERSION);
      const ids = (await earlier.orderBy('terms_version').orderBy('id').limit(limit).execute()).map(({ id }) => id);
      if (ids.length > 0) await database.transaction((trx) => rebuildTermsOf(trx, ids));
      return ids.length;
    },

    ...createSqlUserLists(database),

    async listDeletedBefore(before, limit) {
      const rows = await db
        .selectFrom('users')
        .select('id')
        .where('deleted_at', 'is not', null)
        .where('deleted_at', '<', before)
        .where('status', '=', 'deleted')
        .orderBy('deleted_at')
        .orderBy('id')
        .limit(limit)
        .execute();
      return rows.map(({ id }) => id);
    },

    async noteLogin(id, at) {
      await db.executeQuery(login.with({ id, at }));
    },
  };
}

function takenName(error: unknown): UserChange {
  const violated = uniqueViolation(error);
  if (violated?.includes('username_key')) return 'username_taken';
  if (violated?.includes('email_norm')) return 'email_taken';
  throw error;
}
