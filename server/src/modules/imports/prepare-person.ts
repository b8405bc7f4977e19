import { AppError } from '../../platform/errors.ts';
import { isLine, toPhone, trimText } from '../../platform/typed-text.ts';
import { toEmail, toLocale } from '../users/names.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { LeftOut, Skipped } from './counts.ts';
import type { ImportedPerson } from './imported-person.ts';
import { toKnownHash } from './password-formats.ts';

/** A person who can be made, if no name is taken. */
export interface PreparedPerson {
  fields: Partial<UserRecord> & Pick<UserRecord, 'emailNorm' | 'username' | 'usernameKey'> & { externalId: string };
  /** Of the password hash; null: there is none. */
  family: string | null;
  leftOut: LeftOut[];
  unknownRoles: string[];
  unknownHash: string | null;
}

export interface Rules {
  /** The name of the source, before the ids of its people. */
  name: string;
  /** Ids of roles here, by their names there. */
  roleIds: ReadonlyMap<string, string>;
  /** The roles of every user. */
  firstRoleIds: readonly string[];
  /** Throws `username_invalid`, and `username_taken` for a reserved name. */
  toOwnUsername(input: string): Pick<UserRecord, 'username' | 'usernameKey'>;
  now: Date;
}

/** Characters of an id in a source, and of a full name. */
const ID_LIMIT = 200;
const NAME_LIMIT = 100;
const CONTROL = /\p{Cc}|\p{Cs}/u;

/** Checks one person by the rules of this server, without looking at others: the fields to make, or why there is nothing to make. */
export function preparePerson(person: ImportedPerson, rules: Rules): PreparedPerson | { skipped: Skipped } {
  const id = person.id.trim();
  if (id === '' || id.length > ID_LIMIT || CONTROL.test(id)) return { skipped: 'id_unusable' };
  if (person.isDeleted) return { skipped: 'deleted' };
  if (person.email === null || person.email.trim() === '') return { skipped: 'email_missing' };
  const address = addressOf(person.email);
  if (address === null) return { skipped: 'email_invalid' };

  const leftOut: LeftOut[] = [];
  const { username, usernameKey } = usernameOf(person, rules, leftOut);
  const fullName = nameOf(person.fullName, leftOut);
  const phone = person.phone === null ? null : toPhone(person.phone);
  if (phone === null && (person.phone ?? '').trim() !== '') leftOut.push('phone_unusable');
  const hash = toKnownHash(person.passwordHash);
  if ('unknown' in hash) leftOut.push('hash_unknown');
  const unknownRoles = [...new Set(person.roles)].filter((role) => !rules.roleIds.has(role));
  if (unknownRoles.length > 0) leftOut.push('role_unknown');
  if (person.isSuperadmin) leftOut.push('superadmin');
  const granted = person.roles.flatMap((role) => rules.roleIds.get(role) ?? []);
  const { now } = rules;
  return {
    fields: {
      externalId: `${rules.name}:${id}`,
      ...address,
      emailVerified: person.emailVerified,
      username,
      usernameKey,
      fullName,
      phone,
      locale: person.locale === null ? null : toLocale(person.locale),
      status: person.isDisabled ? 'disabled' : 'active',
      roleIds: [...new Set([...rules.firstRoleIds, ...granted])],
      passwordHash: 'stored' in hash ? hash.stored : null,
      // A clock that was wrong must not put anybody at the top of all lists for years.
      createdAt: person.createdAt === null || person.createdAt > now ? now : person.createdAt,
      lastLoginAt: person.lastLoginAt !== null && person.lastLoginAt > now ? now : person.lastLoginAt,
    },
    family: 'stored' in hash ? hash.family : null,
    leftOut,
    unknownRoles,
    unknownHash: 'unknown' in hash ? hash.unknown : null,
  };
}

/** Many systems keep the address as the username: then there is none to keep. */
function usernameOf({ username, email }: ImportedPerson, { toOwnUsername }: Rules, leftOut: LeftOut[]) {
  const none = { username: null, usernameKey: null };
  if (username === null || username.trim() === '' || username.trim() === email?.trim()) return none;
  try {
    return toOwnUsername(username);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    leftOut.push(error.code === 'username_taken' ? 'username_reserved' : 'username_invalid');
    return none;
  }
}

function nameOf(written: string | null, leftOut: LeftOut[]): string | null {
  const name = written === null ? null : trimText(written.toWellFormed());
  if (name === null || (name.length <= NAME_LIMIT && isLine(name))) return name;
  leftOut.push('name_unusable');
  return null;
}

function addressOf(email: string): Pick<UserRecord, 'email' | 'emailNorm'> | null {
  try {
    return toEmail(email);
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}
