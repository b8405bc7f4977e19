import { type RawBuilder, sql, type Updateable } from 'kysely';
import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { SqlOutbox } from '../events/outbox.sql.ts';
import { enterUser, followUser } from './user-index.sql.ts';
import { createSqlUserLists } from './user-lists.sql.ts';
import {
  toEmailChangeColumns,
  toInvitationColumns,
  toRecord,
  toRow,
  type UserRow,
  type UserTables,
} from './user-rows.sql.ts';
import type { UserAt, UserChange, UserRecord, UserStore } from './user-store.ts';

const NO_EMAIL_CHANGE = toEmailChangeColumns(null);
const NO_INVITATION = toInvitationColumns(null);

/** A tombstone. */
const ERASED = {
  email: null,
  email_norm: null,
  email_verified: false,
  username: null,
  username_key: null,
  full_name: null,
  phone: null,
  locale: null,
  profile: '{}',
  profile_public: false,
  status: 'erased',
  role_ids: '[]',
  superadmin_mark: false,
  password_hash: null,
  must_change_password: false,
  kept_session_id: null,
  last_login_at: null,
  ...NO_EMAIL_CHANGE,
  ...NO_INVITATION,
} satisfies Updateable<UserRow>;

type UserSet = Omit<Updateable<UserRow>, 'deleted_at'> & { deleted_at?: Date | null | RawBuilder<Date> };

/** Users on SQL. */
export function createSqlUserStore(deps: { database: Database; outbox: SqlOutbox }): UserStore {
  const database = sqlOf<UserTables>(deps.database);
  const { db } = database;

  async function findBy(column: 'id' | 'email_norm' | 'username_key', value: string): Promise<UserRecord | null> {
    const row = await db.selectFrom('users').selectAll().where(column, '=', value).executeTakeFirst();
    return row ? toRecord(row) : null;
  }

  /** Writes `set` onto exactly the version that was read, with its event. */
  async function change({ id, version, now }: UserAt, set: UserSet, event: EventDraft): Promise<UserChange> {
    try {
      const won = await deps.outbox.commit(database, event, version + 1, async (trx) => {
        const result = await trx
          .updateTable('users')
          .set({ ...set, updated_at: now, version: version + 1 })
          .where('id', '=', id)
          .where('version', '=', version)
          .executeTakeFirst();
        if (result.numUpdatedRows !== 1n) return false;
        await followUser(trx, id, set);
        return true;
      });
      return won ? 'ok' : 'lost';
    } catch (error) {
      return takenName(error);
    }
  }

  return {
    async insert(user, event) {
      try {
        await deps.outbox.commit(database, event, user.version, async (trx) => {
          await trx.insertInto('users').values(toRow(user)).execute();
          await enterUser(trx, user);
          return true;
        });
        return 'ok';
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        // A registration that was used up meets its own address, too; which of the violations is told is the database's choice.
        return (await findBy('id', user.id)) ? 'lost' : takenName(error);
      }
    },

    find: (id) => findBy('id', id),
    findByEmail: (emailNorm) => findBy('email_norm', emailNorm),
    findByUsernameKey: (usernameKey) => findBy('username_key', usernameKey),

    setPassword: (at, { hash, passwordVersion, mustChangePassword, sessionEpoch, keptSessionId }, event) =>
      change(
        at,
        {
          password_hash: hash,
          password_version: passwordVersion,
          must_change_password: mustChangePassword,
          session_epoch: sessionEpoch,
          kept_session_id: keptSessionId,
          ...NO_INVITATION,
        },
        event,
      ),

    async upgradeHash(id, from, to) {
      const result = await db
        .updateTable('users')
        .set({ password_hash: to })
        .where('id', '=', id)
        .where('password_hash', '=', from)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },

    async patchProfile(at, patch, event) {
      const set: Updateable<UserRow> = {};
      if (patch.email !== undefined) set.email = patch.email;
      if (patch.emailNorm !== undefined) Object.assign(set, { email_norm: patch.emailNorm, ...NO_EMAIL_CHANGE });
      if (patch.emailVerified !== undefined) set.email_verified = patch.emailVerified;
      if (patch.fullName !== undefined) set.full_name = patch.fullName;
      if (patch.username !== undefined) set.username = patch.username;
      if (patch.usernameKey !== undefined) set.username_key = patch.usernameKey;
      if (patch.phone !== undefined) set.phone = patch.phone;
      if (patch.locale !== undefined) set.locale = patch.locale;
      if (patch.profile !== undefined) set.profile = JSON.stringify(patch.profile);
      if (patch.profilePublic !== undefined) set.profile_public = patch.profilePublic;
      return change(at, set, event);
    },

    endSessions: (at, { sessionEpoch, keptSessionId }, event) =>
      change(at, { session_epoch: sessionEpoch, kept_session_id: keptSessionId }, event),

    beginEmailChange: (at, challenge, event) => change(at, toEmailChangeColumns(challenge), event),

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

    takeEmail: (at, { email, emailNorm }, event) =>
      change(at, { email, email_norm: emailNorm, email_verified: true, ...NO_EMAIL_CHANGE }, event),

    softDelete: (at, { sessionEpoch, grantEpoch }, event) =>
      change(
        at,
        {
          status: 'deleted',
          deleted_at: at.now,
          session_epoch: sessionEpoch,
          kept_session_id: null,
          grant_epoch: grantEpoch,
          superadmin_mark: false,
          ...NO_EMAIL_CHANGE,
          ...NO_INVITATION,
        },
        event,
      ),

    setStatus: (at, { status, sessionEpoch }, event) =>
      change(
        at,
        { status, deleted_at: null, session_epoch: sessionEpoch, kept_session_id: null, superadmin_mark: false },
        event,
      ),

    erase: (at, { sessionEpoch, grantEpoch, credentialEpoch }, event) =>
      change(
        at,
        {
          ...ERASED,
          session_epoch: sessionEpoch,
          grant_epoch: grantEpoch,
          credential_epoch: credentialEpoch,
          deleted_at: sql<Date>`coalesce(deleted_at, ${at.now})`,
        },
        event,
      ),

    async remove(id) {
      // The erasure itself emptied the side tables.
      await db.deleteFrom('users').where('id', '=', id).where('status', '=', 'erased').execute();
    },

    setRoles: (at, { roleIds }, event) => change(at, { role_ids: JSON.stringify(roleIds) }, event),
    setSuperadminMark: (at, mark, event) => change(at, { superadmin_mark: mark }, event),
    invite: (at, invitation, event) => change(at, toInvitationColumns(invitation), event),

    acceptInvitation(at, { hash, passwordVersion, sessionEpoch, username, usernameKey, fullName }, event) {
      const set: Updateable<UserRow> = {
        password_hash: hash,
        password_version: passwordVersion,
        must_change_password: false,
        session_epoch: sessionEpoch,
        kept_session_id: null,
        email_verified: true,
        ...NO_INVITATION,
      };
      if (username !== undefined) set.username = username;
      if (usernameKey !== undefined) set.username_key = usernameKey;
      if (fullName !== undefined) set.full_name = fullName;
      return change(at, set, event);
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
      await db
        .updateTable('users')
        .set({ last_login_at: at })
        .where('id', '=', id)
        .where(({ or, eb }) => or([eb('last_login_at', 'is', null), eb('last_login_at', '<', at)]))
        .execute();
    },
  };
}

function takenName(error: unknown): UserChange {
  const violated = uniqueViolation(error);
  if (violated?.includes('username_key')) return 'username_taken';
  if (violated?.includes('email_norm')) return 'email_taken';
  throw error;
}
