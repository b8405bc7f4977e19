import type { Selectable, Transaction, Updateable } from 'kysely';
import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import { rowBy } from '../../platform/database/row-by.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { SqlOutbox } from '../events/outbox.sql.ts';
import {
  credentialHash,
  type FactorsRow,
  type FactorTables,
  passkeyRow,
  toFactors,
  toRecovery,
  totpRow,
} from './factor-rows.sql.ts';
import type { Along, FactorStore, FactorsAt, FactorsChange, FactorsRecord } from './factor-store.ts';

/** Undoes a transaction whose part names what is not there. */
class NotThere extends Error {}

const NO_FACTORS = { recovery: null, trusted: '[]', reset_at: null } as const;

/** Factors on SQL: the record, and a row for each passkey and each authenticator app. */
export function createSqlFactorStore(deps: { database: Database; outbox: SqlOutbox }): FactorStore {
  const database = sqlOf<FactorTables>(deps.database);
  const { db } = database;
  const byUser = rowBy(db, 'factors', 'user_id');
  const byHandle = rowBy(db, 'factors', 'handle');
  const passkeysOf = (userId: string) =>
    db.selectFrom('factor_passkeys').selectAll().where('user_id', '=', userId).orderBy('id').execute();
  const totpOf = (userId: string) =>
    db.selectFrom('factor_totp').selectAll().where('user_id', '=', userId).orderBy('id').execute();

  /** The record first: whoever decides on its version and on parts that were changed since, loses. */
  async function whole(row: Selectable<FactorsRow> | undefined): Promise<FactorsRecord | null> {
    if (row === undefined) return null;
    const [passkeys, totp] = await Promise.all([passkeysOf(row.user_id), totpOf(row.user_id)]);
    return toFactors(row, passkeys, totp);
  }

  const find = async (userId: string) => whole(await byUser(userId));

  /** Moves the record to its next version, which also locks it, and then does `part`. Throws `NotThere` if that returns 0. */
  async function change(
    { userId, version, credentialEpoch }: FactorsAt,
    set: Updateable<FactorsRow>,
    event: EventDraft,
    part: (trx: Transaction<FactorTables>) => Promise<number | bigint> = async () => 1,
  ): Promise<FactorsChange> {
    try {
      const won = await deps.outbox.commit(database, event, version + 1, async (trx) => {
        const { numUpdatedRows } = await trx
          .updateTable('factors')
          .set({ ...set, version: version + 1 })
          .where('user_id', '=', userId)
          .where('version', '=', version)
          .where('credential_epoch', '=', credentialEpoch)
          .executeTakeFirst();
        if (numUpdatedRows !== 1n) return false;
        if (Number(await part(trx)) === 0) throw new NotThere();
        return true;
      });
      return won ? 'ok' : 'lost';
    } catch (error) {
      if (error instanceof NotThere) return 'lost';
      throw error;
    }
  }

  const remove =
    (table: 'factor_passkeys' | 'factor_totp') => (at: FactorsAt, id: string, along: Along, event: EventDraft) =>
      change(at, columnsOf(along), event, async (trx) => {
        const removal = trx.deleteFrom(table).where('id', '=', id).where('user_id', '=', at.userId);
        return (await removal.executeTakeFirst()).numDeletedRows;
      });

  async function empty(trx: Transaction<FactorTables>, userId: string): Promise<void> {
    for (const table of ['factor_passkeys', 'factor_totp'] as const) {
      await trx.deleteFrom(table).where('user_id', '=', userId).execute();
    }
  }

  return {
    find,
    findByHandle: async (handle) => whole(await byHandle(handle)),

    async findByCredential(credentialId) {
      const row = await db
        .selectFrom('factor_passkeys')
        .select('user_id')
        .where('credential_hash', '=', credentialHash(credentialId))
        .executeTakeFirst();
      return row ? find(row.user_id) : null;
    },

    async begin({ userId, handle, credentialEpoch }) {
      const row = { user_id: userId, handle, ...NO_FACTORS, credential_epoch: credentialEpoch, version: 0 };
      try {
        await db.insertInto('factors').values(row).execute();
        return true;
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
    },

    renew: (userId, from, to) =>
      database.transaction(async (trx) => {
        const { numUpdatedRows } = await trx
          .updateTable('factors')
          .set({ ...NO_FACTORS, credential_epoch: to })
          .where('user_id', '=', userId)
          .where('credential_epoch', '=', from)
          .executeTakeFirst();
        if (numUpdatedRows !== 1n) return false;
        await empty(trx, userId);
        return true;
      }),

    async addPasskey(at, passkey, along, event) {
      try {
        return await change(at, columnsOf(along), event, async (trx) => {
          await trx.insertInto('factor_passkeys').values(passkeyRow(at.userId, passkey)).execute();
          return 1;
        });
      } catch (error) {
        if (uniqueViolation(error)?.includes('credential_hash')) return 'taken';
        throw error;
      }
    },

    removePasskey: remove('factor_passkeys'),

    renamePasskey: (at, id, name, event) =>
      change(at, {}, event, async (trx) => {
        const renaming = trx.updateTable('factor_passkeys').set({ name }).where('id', '=', id);
        return (await renaming.where('user_id', '=', at.userId).executeTakeFirst()).numUpdatedRows;
      }),

    enableTotp: (at, totp, along, event) =>
      change(at, columnsOf(along), event, async (trx) => {
        await trx.insertInto('factor_totp').values(totpRow(at.userId, totp)).execute();
        return 1;
      }),

    removeTotp: remove('factor_totp'),

    setRecovery: (at, recovery, event) => change(at, columnsOf({ recovery }), event),

    async useRecoveryCode(at, hash, event) {
      const row = await byUser(at.userId);
      const recovery = row?.recovery ? toRecovery(row.recovery) : null;
      // If it is another version than the one that was decided on, the change loses in any case.
      if (row?.version !== at.version || !recovery?.hashes.includes(hash)) return 'lost';
      const hashes = recovery.hashes.filter((one) => one !== hash);
      return change(at, columnsOf({ recovery: { ...recovery, hashes } }), event);
    },

    setTrusted: (at, trusted, event) => change(at, columnsOf({ trusted: [...trusted] }), event),
    setReset: (at, resetAt, event) => change(at, { reset_at: resetAt }, event),

    reset: (at, event) =>
      change(at, NO_FACTORS, event, async (trx) => {
        await empty(trx, at.userId);
        return 1;
      }),

    async useTotp(userId, totpId, step, now) {
      const { numUpdatedRows } = await db
        .updateTable('factor_totp')
        .set({ last_step: step, last_used_at: now })
        .where('id', '=', totpId)
        .where('user_id', '=', userId)
        .where('last_step', '<', step)
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },

    async usePasskey(userId, passkeyId, { from, to, backedUp, device, now }) {
      const { numUpdatedRows } = await db
        .updateTable('factor_passkeys')
        .set({ counter: to, backed_up: backedUp, last_device: device, last_used_at: now })
        .where('id', '=', passkeyId)
        .where('user_id', '=', userId)
        .where('counter', '=', from)
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },

    async resealTotp(userId, totpId, from, to) {
      const { numUpdatedRows } = await db
        .updateTable('factor_totp')
        .set({ sealed_secret: to })
        .where('id', '=', totpId)
        .where('user_id', '=', userId)
        .where('sealed_secret', '=', from)
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },

    async sealedByOthers(keyId, limit) {
      const rows = await db
        .selectFrom('factor_totp')
        .select(['id', 'user_id', 'sealed_secret'])
        .where('sealed_secret', 'not like', `${keyId}.%`)
        .orderBy('id')
        .limit(limit)
        .execute();
      return rows.map(({ id, user_id: userId, sealed_secret: sealedSecret }) => ({ userId, id, sealedSecret }));
    },

    async dueResets(now, limit) {
      const due = db.selectFrom('factors').selectAll().where('reset_at', '<=', now).orderBy('reset_at').limit(limit);
      const records = await Promise.all((await due.execute()).map(whole));
      return records.filter((record) => record !== null);
    },

    removeForUser: (userId) =>
      database.transaction(async (trx) => {
        // The record first: it locks out whoever changes it meanwhile.
        await trx.deleteFrom('factors').where('user_id', '=', userId).execute();
        await empty(trx, userId);
      }),
  };
}

/** Only what is given: what is undefined stays. */
function columnsOf({ recovery, trusted }: Along): Updateable<FactorsRow> {
  return {
    ...(recovery !== undefined && { recovery: recovery && JSON.stringify(recovery) }),
    ...(trusted !== undefined && { trusted: JSON.stringify(trusted) }),
  };
}
