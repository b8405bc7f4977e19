import { readStoredHash } from '../../platform/crypto/hash-formats/read-stored-hash.ts';

/** Of better-auth: salt and scrypt digest in hexadecimal; the text of the salt is what is hashed. */
const BETTER_AUTH = /^(?<salt>[0-9a-f]{32}):(?<digest>[0-9a-f]{128})$/;
/** Spring Security and directories write the scheme before the hash. */
const WRAPPED = /^\{(?:bcrypt|argon2|crypt)\}(?=\$)/i;
/** Django writes `!` where no password was set, Unix `*`. */
const UNUSABLE = /^[!*]/;

const FAMILIES: [RegExp, string][] = [
  [/^(argon2)?\$argon2/, 'argon2'],
  [/^\$firebase-scrypt\$/, 'firebase scrypt'],
  [/^\$?scrypt[:$]/, 'scrypt'],
  [/^\$wp\$/, 'wordpress bcrypt'],
  [/^(\$2|bcrypt|\$bcrypt)/, 'bcrypt'],
  [/^\$?pbkdf2/, 'pbkdf2'],
  [/^\$[PH]\$/, 'phpass'],
  [/^\{ssha/i, 'ssha'],
];

/** A hash in the form in which it is stored, and the name of its family. */
export interface KnownHash {
  stored: string;
  family: string;
}

/**
 * Recognises a password hash of another system: `toKnownHash('$2y$10$…')`. `none`: there is none; `unknown`: the text is in no known form, with
 * as much of it as reveals no secret, for it may even be a password.
 */
export function toKnownHash(raw: string | null): KnownHash | { none: true } | { unknown: string } {
  const text = raw?.trim() ?? '';
  if (text === '' || UNUSABLE.test(text)) return { none: true };
  const stored = text
    .replace(BETTER_AUTH, (_, salt: string, digest: string) => `scrypt:16384:16:1$${salt}$${digest}`)
    .replace(WRAPPED, '');
  if (readStoredHash(stored) === null) return { unknown: formOf(text) };
  return { stored, family: FAMILIES.find(([form]) => form.test(stored))?.[1] ?? 'asp.net identity' };
}

function formOf(text: string): string {
  const [scheme] = /^(?:\$[\w-]{1,16}\$|\{[\w-]{1,16}\}|[a-z0-9_]{1,20}\$(?=.*\$))/i.exec(text) ?? [];
  if (scheme !== undefined) return `${scheme}…`;
  return /^[0-9a-f]{32,}$/i.test(text) ? `${text.length} hexadecimal digits` : 'no form of a hash at all';
}
