import { sql } from 'kysely';
import { type SqlDatabase, uniqueViolation } from '../../platform/database/database.ts';
import { insertRows } from '../../platform/database/insert-rows.ts';
import { isAmong } from '../../platform/database/is-among.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { SqlOutbox } from '../events/outbox.sql.ts';
import { TERMS_VERSION, userTerms } from './search-terms.ts';
import { toRow, type UserTables } from './user-rows.sql.ts';
import type { UserNames, UserRecord, UserStore } from './user-store.ts';

type Person = { user: UserRecord; event: EventDraft };

/** Many users at a time on SQL. */
export function createSqlUserBatches(deps: {
  database: SqlDatabase<UserTables>;
  outbox: SqlOutbox;
}): Pick<UserStore, 'insertMany' | 'findNamed'> {
  const { database, outbox } = deps;
  const { db, dialect } = database;

  /** All or none. */
  async function insertAll(people: readonly Person[]): Promise<void> {
    const users = people.map(({ user }) => user);
    const events = people.map(({ user, event }) => ({ event, seq: user.version }));
    await outbox.commitMany(database, events, async (trx) => {
      const insert = { trx, dialect };
      await insertRows(
        insert,
        'users',
        users.map((user) => ({ ...toRow(user), terms_version: TERMS_VERSION })),
      );
      // In the order of its index, whose pages are then touched one after the other.
      const terms = users.flatMap((user) => userTerms(user).map((term) => ({ term, user_id: user.id })));
      terms.sort((a, b) => (a.term < b.term ? -1 : 1));
      await insertRows(insert, 'user_terms', terms);
      await insertRows(
        insert,
        'user_roles',
        users.flatMap(({ id, roleIds }) => [...new Set(roleIds)].map((role_id) => ({ role_id, user_id: id }))),
      );
    });
  }

  async function insertMany(people: readonly Person[]): Promise<string[]> {
    if (people.length === 0) return [];
    try {
      await insertAll(people);
      return people.map(({ user }) => user.id);
    } catch (error) {
      if (uniqueViolation(error) === null) throw error;
    }
    if (people.length === 1) return [];
    // Halves until the taken ones are alone: the others still share transactions.
    const middle = Math.ceil(people.length / 2);
    const first = await insertMany(people.slice(0, middle));
    return [...first, ...(await insertMany(people.slice(middle)))];
  }

  return {
    insertMany,

    async findNamed({ ids, emailNorms, usernameKeys, externalIds }) {
      const found = new Map<string, UserNames>();
      const lookUps = [
        ['id', ids],
        ['email_norm', emailNorms],
        ['username_key', usernameKeys],
        ['external_id', externalIds],
      ] as const;
      for (const [column, values] of lookUps) {
        if (values.length === 0) continue;
        const rows = await db
          .selectFrom('users')
          .select([
            'id',
            'email_norm as emailNorm',
            'username',
            'username_key as usernameKey',
            'external_id as externalId',
          ])
          .where(isAmong(dialect, sql.ref(column), values))
          .execute();
        for (const row of rows) found.set(row.id, { ...row });
      }
      return [...found.values()];
    },
  };
}
