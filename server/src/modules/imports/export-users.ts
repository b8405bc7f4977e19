import type { UserOrder, UserPlace, UserRecord, UserStore } from '../users/user-store.ts';

const PAGE = 500;
const OLDEST_FIRST: UserOrder = { by: 'createdAt', descending: false };

/** An account as it is exported. An import reads the same names. */
export interface ExportedUser {
  id: string;
  externalId: string | null;
  email: string | null;
  emailVerified: boolean;
  username: string | null;
  fullName: string | null;
  phone: string | null;
  locale: string | null;
  profile: UserRecord['profile'];
  profilePublic: boolean;
  /** `deleted`: restorable for now. Erased accounts are gone. */
  status: string;
  /** Codes. */
  roles: string[];
  mustChangePassword: boolean;
  createdAt: Date;
  updatedAt: Date;
  lastLoginAt: Date | null;
  deletedAt: Date | null;
  /** Only where it was asked for. */
  passwordHash?: string | null;
}

/** All accounts, the oldest first, page by page; those that are made meanwhile come at the end. */
export async function* exportUsers(deps: {
  users: Pick<UserStore, 'list'>;
  roleCodesOf: (user: UserRecord) => string[];
  withHashes: boolean;
}): AsyncGenerator<ExportedUser> {
  let after: UserPlace | null = null;
  for (;;) {
    const page: UserRecord[] = await deps.users.list({}, OLDEST_FIRST, { after, skip: 0, limit: PAGE });
    for (const user of page) yield viewOf(user, deps.roleCodesOf(user), deps.withHashes);
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    after = { value: last.createdAt.toISOString(), id: last.id };
  }
}

function viewOf(user: UserRecord, roles: string[], withHashes: boolean): ExportedUser {
  const { id, externalId, email, emailVerified, username, fullName, phone, locale, profile, profilePublic } = user;
  const { status, mustChangePassword, createdAt, updatedAt, lastLoginAt, deletedAt, passwordHash } = user;
  return {
    ...{ id, externalId, email, emailVerified, username, fullName, phone, locale, profile, profilePublic },
    ...{ status, roles, mustChangePassword, createdAt, updatedAt, lastLoginAt, deletedAt },
    ...(withHashes && { passwordHash }),
  };
}

const CSV_FIELDS = [
  ...(['id', 'externalId', 'email', 'emailVerified', 'username', 'fullName', 'phone', 'locale', 'status'] as const),
  ...(['roles', 'mustChangePassword', 'createdAt', 'updatedAt', 'lastLoginAt', 'deletedAt', 'passwordHash'] as const),
];

/** The lines of an export, line breaks included: `formatUsers(users, 'ndjson')`. CSV leaves the profile out. */
export async function* formatUsers(
  users: AsyncIterable<ExportedUser>,
  { format, withHashes }: { format: 'ndjson' | 'csv'; withHashes: boolean },
): AsyncGenerator<string> {
  const fields = CSV_FIELDS.filter((field) => withHashes || field !== 'passwordHash');
  if (format === 'csv') yield csvLine([...fields]);
  for await (const user of users) {
    yield format === 'csv' ? csvLine(fields.map((field) => textOf(user[field]))) : `${JSON.stringify(user)}\n`;
  }
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  return Array.isArray(value) ? value.join(',') : String(value);
}

/** RFC 4180. Texts stay as they are: this is for programs, and a spreadsheet must be told not to take them for formulas. */
const csvLine = (cells: string[]) =>
  `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')}\r\n`;
