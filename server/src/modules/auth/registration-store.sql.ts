import type { Insertable, Selectable } from 'kysely';
import { type Database, sqlOf } from '../../platform/database/database.ts';
import { prepared, preparedInsert } from '../../platform/database/prepared.ts';
import { rowBy } from '../../platform/database/row-by.ts';
import { type TimeColumn, toDate } from '../../platform/database/values.ts';
import { leastId } from '../../platform/ids.ts';
import type { SqlOutbox } from '../events/outbox.sql.ts';
import type { RegistrationRecord, RegistrationStore } from './registration-store.ts';

interface RegistrationRow {
  id: string;
  email: string;
  email_norm: string;
  username: string | null;
  full_name: string | null;
  phone: string | null;
  locale: string | null;
  password_hash: string;
  code_id: string;
  code_owner: string | null;
  key_id: string;
  code_expires_at: TimeColumn;
  tries: number;
  sent_at: string;
  created_at: TimeColumn;
  version: number;
}

interface RegistrationTables {
  registrations: RegistrationRow;
}

/** `sent_at` of a registration whose code was never mailed. */
const NEVER_SENT = JSON.stringify([]);

/** Registrations on SQL. */
export function createSqlRegistrationStore(deps: { database: Database; outbox: SqlOutbox }): RegistrationStore {
  const database = sqlOf<RegistrationTables>(deps.database);
  const { db } = database;

  const byId = rowBy(db, 'registrations', 'id');
  const insert = preparedInsert(db, 'registrations');

  const mailed = prepared((to: { emailNorm: string; now: Date; limit: number }) =>
    db
      .selectFrom('registrations')
      .selectAll()
      .where('email_norm', '=', to.emailNorm)
      .where('code_expires_at', '>', to.now)
      .where('sent_at', '<>', NEVER_SENT)
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(to.limit),
  );

  return {
    async create(registration, event) {
      await deps.outbox.commitOne(database, event, registration.version, insert.with(toRow(registration)));
    },

    async find(id) {
      const row = await byId(id);
      return row ? toRecord(row) : null;
    },

    async countTry(id, codeId, limit, now) {
      const result = await db
        .updateTable('registrations')
        .set((eb) => ({ tries: eb('tries', '+', 1) }))
        .where('id', '=', id)
        .where('code_id', '=', codeId)
        .where('tries', '<', limit)
        .where('code_expires_at', '>', now)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },

    async giveBackTry(id, codeId) {
      await db
        .updateTable('registrations')
        .set((eb) => ({ tries: eb('tries', '-', 1) }))
        .where('id', '=', id)
        .where('code_id', '=', codeId)
        .where('tries', '>', 0)
        .execute();
    },

    resend: ({ id, version }, { codeId, codeOwner, keyId, codeExpiresAt, tries, sentAt }, event) =>
      deps.outbox.commit(database, event, version + 1, async (trx) => {
        const result = await trx
          .updateTable('registrations')
          .set((eb) => ({
            // The same code keeps the tries that are counted while this runs. `tries` comes first: MySQL assigns from left to right.
            tries: eb.case().when('code_id', '=', codeId).then(eb.ref('tries')).else(tries).end(),
            code_id: codeId,
            code_owner: codeOwner,
            key_id: keyId,
            code_expires_at: codeExpiresAt,
            sent_at: JSON.stringify(sentAt),
            version: version + 1,
          }))
          .where('id', '=', id)
          .where('version', '=', version)
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      }),

    async listMailed(emailNorm, now, limit) {
      return (await db.executeQuery(mailed.with({ emailNorm, now, limit }))).rows.map(toRecord);
    },

    async remove(id) {
      await db.deleteFrom('registrations').where('id', '=', id).execute();
    },

    async purge(before, limit) {
      const old = db
        .selectFrom('registrations')
        .select('id')
        .where('id', '<', leastId(before))
        .where('code_expires_at', '<', before)
        .orderBy('id')
        .limit(limit);
      const ids = (await old.execute()).map(({ id }) => id);
      if (ids.length === 0) return 0;
      const gone = db.deleteFrom('registrations').where('id', 'in', ids).where('code_expires_at', '<', before);
      return Number((await gone.executeTakeFirst()).numDeletedRows);
    },

    async removeForEmail(emailNorm) {
      await db.deleteFrom('registrations').where('email_norm', '=', emailNorm).execute();
    },
  };
}

function toRow(registration: RegistrationRecord): Insertable<RegistrationRow> {
  return {
    id: registration.id,
    email: registration.email,
    email_norm: registration.emailNorm,
    username: registration.username,
    full_name: registration.fullName,
    phone: registration.phone,
    locale: registration.locale,
    password_hash: registration.passwordHash,
    code_id: registration.codeId,
    code_owner: registration.codeOwner,
    key_id: registration.keyId,
    code_expires_at: registration.codeExpiresAt,
    tries: registration.tries,
    sent_at: JSON.stringify(registration.sentAt),
    created_at: registration.createdAt,
    version: registration.version,
  };
}

function toRecord(row: Selectable<RegistrationRow>): RegistrationRecord {
  return {
    id: row.id,
    email: row.email,
    emailNorm: row.email_norm,
    username: row.username,
    fullName: row.full_name,
    phone: row.phone,
    locale: row.locale,
    passwordHash: row.password_hash,
    codeId: row.code_id,
    codeOwner: row.code_owner,
    keyId: row.key_id,
    codeExpiresAt: toDate(row.code_expires_at),
    tries: row.tries,
    sentAt: (JSON.parse(row.sent_at) as string[]).map(toDate),
    createdAt: toDate(row.created_at),
    version: row.version,
  };
}
