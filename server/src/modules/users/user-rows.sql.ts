import type { Insertable, Selectable, Updateable } from 'kysely';
import {
  type BoolColumn,
  type NullableTimeColumn,
  type TimeColumn,
  toDate,
  toDateOrNull,
} from '../../platform/database/values.ts';
import type { EmailChange, Invitation, UserRecord } from './user-store.ts';

export interface UserRow {
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
  superadmin_mark: BoolColumn;
  external_id: string | null;
  password_hash: string | null;
  password_version: number;
  must_change_password: BoolColumn;
  session_epoch: number;
  kept_session_id: string | null;
  grant_epoch: number;
  credential_epoch: number;
  email_change_id: string | null;
  email_change_key_id: string | null;
  email_change_email: string | null;
  email_change_email_norm: string | null;
  email_change_expires_at: NullableTimeColumn;
  email_change_tries: number;
  /** JSON. */
  email_move: string | null;
  invitation_id: string | null;
  invitation_key_id: string | null;
  invitation_expires_at: NullableTimeColumn;
  avatar_id: string | null;
  last_login_at: NullableTimeColumn;
  deleted_at: NullableTimeColumn;
  created_at: TimeColumn;
  updated_at: TimeColumn;
  version: number;
}

export interface UserTables {
  users: UserRow & {
    /** The version of the user's terms; see `TERMS_VERSION`. */
    terms_version: number;
  };
  /** The search terms of each user, see `search-terms.ts`; derived from the row, and written in the same transaction. */
  user_terms: { term: string; user_id: string };
  /** The same for `role_ids`. */
  user_roles: { role_id: string; user_id: string };
}

/** A value for each of these columns; undefined is not written. */
type Columns<Column extends keyof UserRow> = { [C in Column]: Updateable<UserRow>[C] | undefined };

type EmailChangeColumn = Extract<keyof UserRow, `email_change_${string}`>;
type InvitationColumn = Extract<keyof UserRow, `invitation_${string}`>;

/** The columns of a pending change of address; null clears them. */
function toEmailChangeColumns(change: EmailChange | null | undefined): Columns<EmailChangeColumn> {
  const none = change === undefined ? undefined : null;
  return {
    email_change_id: change?.id ?? none,
    email_change_key_id: change?.keyId ?? none,
    email_change_email: change?.email ?? none,
    email_change_email_norm: change?.emailNorm ?? none,
    email_change_expires_at: change?.expiresAt ?? none,
    email_change_tries: change === null ? 0 : change?.tries,
  };
}

/** The columns of a pending invitation; null clears them. */
function toInvitationColumns(invitation: Invitation | null | undefined): Columns<InvitationColumn> {
  const none = invitation === undefined ? undefined : null;
  return {
    invitation_id: invitation?.id ?? none,
    invitation_key_id: invitation?.keyId ?? none,
    invitation_expires_at: invitation?.expiresAt ?? none,
  };
}

/** The columns of the given fields of a user. */
export function toColumns(user: Partial<UserRecord>): Columns<keyof UserRow> {
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
    profile: user.profile && JSON.stringify(user.profile),
    profile_public: user.profilePublic,
    status: user.status,
    role_ids: user.roleIds && JSON.stringify(user.roleIds),
    superadmin_mark: user.superadminMark,
    external_id: user.externalId,
    password_hash: user.passwordHash,
    password_version: user.passwordVersion,
    must_change_password: user.mustChangePassword,
    session_epoch: user.sessionEpoch,
    kept_session_id: user.keptSessionId,
    grant_epoch: user.grantEpoch,
    credential_epoch: user.credentialEpoch,
    ...toEmailChangeColumns(user.emailChange),
    email_move: user.emailMove && JSON.stringify(user.emailMove),
    ...toInvitationColumns(user.invitation),
    avatar_id: user.avatarId,
    last_login_at: user.lastLoginAt,
    deleted_at: user.deletedAt,
    created_at: user.createdAt,
    updated_at: user.updatedAt,
    version: user.version,
  };
}

export function toRow(user: UserRecord): Insertable<UserRow> {
  // A complete record leaves no column undefined.
  return toColumns(user) as Insertable<UserRow>;
}

export function toRecord(row: Selectable<UserRow>): UserRecord {
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
    superadminMark: Boolean(row.superadmin_mark),
    // Undefined before the migration.
    externalId: row.external_id ?? null,
    passwordHash: row.password_hash,
    passwordVersion: row.password_version,
    mustChangePassword: Boolean(row.must_change_password),
    sessionEpoch: row.session_epoch,
    keptSessionId: row.kept_session_id,
    grantEpoch: row.grant_epoch,
    credentialEpoch: row.credential_epoch,
    emailChange: toEmailChange(row),
    emailMove: toEmailMove(row),
    invitation: toInvitation(row),
    // Undefined before the migration.
    avatarId: row.avatar_id ?? null,
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

function toEmailMove({ email_move: json }: Selectable<UserRow>): UserRecord['emailMove'] {
  // Undefined before the migration.
  if (!json) return null;
  const move = JSON.parse(json);
  return { ...move, dueAt: new Date(move.dueAt) };
}

function toInvitation(row: Selectable<UserRow>): UserRecord['invitation'] {
  const { invitation_id: id, invitation_key_id: keyId, invitation_expires_at: expiresAt } = row;
  if (id === null || keyId === null || expiresAt === null) return null;
  return { id, keyId, expiresAt: toDate(expiresAt) };
}
