import type { Insertable, Selectable, Updateable } from 'kysely';
import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import {
  type BoolColumn,
  type NullableTimeColumn,
  type TimeColumn,
  toDate,
  toDateOrNull,
} from '../../platform/database/values.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { SqlOutbox } from '../events/outbox.sql.ts';
import type { UserAt, UserChange, UserRecord, UserStore } from './user-store.ts';

interface UserRow {
  id: string;
  email: string | null;
  email_norm: string | null;
  email_verified: BoolColumn;
  username: string | null;
  username_key: string | null;
  full_name: string | null;
  phone: string | null;
  locale: string | null;
  profile: string;
  profile_public: BoolColumn;
  status: UserRecord['status'];
  role_ids: string;
  password_hash: string | null;
  password_version: number;
  must_change_password: BoolColumn;
  session_epoch: number;
  kept_session_id: string | null;
  email_change_id: string | null;
  email_change_key_id: string | null;
  email_change_email: string | null;
  email_change_email_norm: string | null;
  email_change_expires_at: NullableTimeColumn;
  email_change_tries: number;
  last_login_at: NullableTimeColumn;
  deleted_at: NullableTimeColumn;
  created_at: TimeColumn;
  updated_at: TimeColumn;
  version: number;
}

interface UserTables {
  users: UserRow;
}

const NO_EMAIL_CHANGE = {
  email_change_id: null,
  email_change_key_id: null,
  email_change_email: null,
  email_change_email_norm: null,
  email_change_expires_at: null,
  email_change_tries: 0,
} satisfies Updateable<UserRow>;

/** Users on SQL. */
export function createSqlUserStore(deps: { database: Database; outbox: SqlOutbox }): UserStore {
  const database = sqlOf<UserTables>(deps.database);
  const { db } = database;

  async function findBy(column: 'id' | 'email_norm' | 'username_key', value: string): Promise<UserRecord | null> {
    const row = await db.selectFrom('users').selectAll().where(column, '=', value).executeTakeFirst();
    return row ? toRecord(row) : null;
  }

  /** Writes `set` onto exactly the version that was read, with its event. */
  async function change(
    { id, version, now }: UserAt,
    set: Updateable<UserRow>,
    event: EventDraft,
  ): Promise<UserChange> {
    try {
      const won = await deps.outbox.commit(database, event, version + 1, async (trx) => {
        const result = await trx
          .updateTable('users')
          .set({ ...set, updated_at: now, version: version + 1 })
          .where('id', '=', id)
          .where('version', '=', version)
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
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

    beginEmailChange: (at, challenge, event) =>
      change(
        at,
        {
          email_change_id: challenge.id,
          email_change_key_id: challenge.keyId,
          email_change_email: challenge.email,
          email_change_email_norm: challenge.emailNorm,
          email_change_expires_at: challenge.expiresAt,
          email_change_tries: challenge.tries,
        },
        event,
      ),

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

    softDelete: (at, { sessionEpoch }, event) =>
      change(
        at,
        {
          status: 'deleted',
          deleted_at: at.now,
          session_epoch: sessionEpoch,
          kept_session_id: null,
          ...NO_EMAIL_CHANGE,
        },
        event,
      ),

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

function toRow(user: UserRecord): Insertable<UserRow> {
  const challenge = user.emailChange;
  return {
    id: user.id,
    email: user.email,
    email_norm: user.emailNorm,
    email_verified: user.emailVerified,
    username: user.username,
    username_key: user.usernameKey,
    full_name: user.fullName,
    phone: user.phone,
    locale: user.locale,
    profile: JSON.stringify(user.profile),
    profile_public: user.profilePublic,
    status: user.status,
    role_ids: JSON.stringify(user.roleIds),
    password_hash: user.passwordHash,
    password_version: user.passwordVersion,
    must_change_password: user.mustChangePassword,
    session_epoch: user.sessionEpoch,
    kept_session_id: user.keptSessionId,
    email_change_id: challenge?.id ?? null,
    email_change_key_id: challenge?.keyId ?? null,
    email_change_email: challenge?.email ?? null,
    email_change_email_norm: challenge?.emailNorm ?? null,
    email_change_expires_at: challenge?.expiresAt ?? null,
    email_change_tries: challenge?.tries ?? 0,
    last_login_at: user.lastLoginAt,
    deleted_at: user.deletedAt,
    created_at: user.createdAt,
    updated_at: user.updatedAt,
    version: user.version,
  };
}

function toRecord(row: Selectable<UserRow>): UserRecord {
  return {
    id: row.id,
    email: row.email,
    emailNorm: row.email_norm,
    emailVerified: Boolean(row.email_verified),
    username: row.username,
    usernameKey: row.username_key,
    fullName: row.full_name,
    phone: row.phone,
    locale: row.locale,
    profile: JSON.parse(row.profile),
    profilePublic: Boolean(row.profile_public),
    status: row.status,
    roleIds: JSON.parse(row.role_ids),
    passwordHash: row.password_hash,
    passwordVersion: row.password_version,
    mustChangePassword: Boolean(row.must_change_password),
    sessionEpoch: row.session_epoch,
    keptSessionId: row.kept_session_id,
    emailChange: toEmailChange(row),
    lastLoginAt: toDateOrNull(row.last_login_at),
    deletedAt: toDateOrNull(row.deleted_at),
    createdAt: toDate(row.created_at),
    updatedAt: toDate(row.updated_at),
    version: row.version,
  };
}

function toEmailChange(row: Selectable<UserRow>): UserRecord['emailChange'] {
  const { email_change_id: id, email_change_key_id: keyId, email_change_email: email } = row;
  const { email_change_email_norm: emailNorm, email_change_expires_at: expiresAt } = row;
  if (id === null || keyId === null || email === null || emailNorm === null || expiresAt === null) return null;
  return { id, keyId, email, emailNorm, expiresAt: toDate(expiresAt), tries: row.email_change_tries };
}
