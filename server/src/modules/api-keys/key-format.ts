import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { TokenForm } from '../../platform/http/token-form.ts';

/** `pat`: of a person. `svc`: of a service account. `scim` and `cs` are kept for keys of directories and secrets of OAuth clients. */
export const KEY_KINDS = ['pat', 'svc', 'scim', 'cs'] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

/** What secret scanners look for: published in the guide, never to be changed. */
export const KEY_PATTERN = 'ost_(pat|svc|scim|cs)_[0-9A-Za-z]{71}';

const ID_BYTES = 16;
const SECRET_BYTES = 32;
/** Digits in base 62 of id and secret: the fewest that hold 48 bytes. */
const BODY_LENGTH = 65;
const CHECKSUM_LENGTH = 6;
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE = BigInt(DIGITS.length);
const VALUES = new Map([...DIGITS].map((digit, value) => [digit, BigInt(value)]));
const WHOLE = new RegExp(`^${KEY_PATTERN}$`);
const TOO_MUCH = 2n ** BigInt(8 * (ID_BYTES + SECRET_BYTES));

/** Characters of a key that its id alone decides, for telling keys apart without their secret. */
const SHOWN_LENGTH = 16;

export interface ParsedKey {
  kind: KeyKind;
  /** The id of its record, a UUID. */
  id: string;
}

/**
 * A new key for the record with this id: `ost_pat_`, then 16 bytes of the id and 32 random bytes in base 62 (65 digits, the highest first), then
 * the CRC-32 of all that in 6 digits. The checksum lets scanners and this server tell a key from noise without asking anybody.
 */
export function newKey(kind: KeyKind, id: string): string {
  const bytes = Buffer.concat([bytesOf(id), randomBytes(SECRET_BYTES)]);
  const body = `ost_${kind}_${inBase62(BigInt(`0x${bytes.toString('hex')}`), BODY_LENGTH)}`;
  return body + checksumOf(body);
}

/** What a key says of itself; null for any text that is none, by its form or its checksum. Whether it is genuine is for its record to say. */
export function parseKey(text: string): ParsedKey | null {
  const [, kind] = WHOLE.exec(text) ?? [];
  if (kind === undefined) return null;
  const body = text.slice(0, -CHECKSUM_LENGTH);
  if (checksumOf(body) !== text.slice(-CHECKSUM_LENGTH)) return null;
  const number = fromBase62(body.slice(-BODY_LENGTH));
  if (number >= TOO_MUCH) return null;
  const hex = number.toString(16).padStart(2 * (ID_BYTES + SECRET_BYTES), '0');
  return { kind: kind as KeyKind, id: uuidOf(hex.slice(0, 2 * ID_BYTES)) };
}

/** What is stored of a key. It holds 256 random bits, so that one round of SHA-256 is as good as any slow hash. */
export function hashOfKey(key: string): string {
  return hash('sha256', key, 'base64url');
}

/** How a key with this id begins: what lists show, so that people find it in their own settings. */
export function startOfKey(kind: KeyKind, id: string): string {
  const bytes = Buffer.concat([bytesOf(id), Buffer.alloc(SECRET_BYTES)]);
  return `ost_${kind}_${inBase62(BigInt(`0x${bytes.toString('hex')}`), BODY_LENGTH).slice(0, SHOWN_LENGTH)}`;
}

/** Whatever begins like a key is read as one, and by nobody else. */
export const KEY_FORM: TokenForm = {
  name: 'API key',
  matches: (token) => token.startsWith('ost_'),
  sample: `ost_pat_${'0'.repeat(BODY_LENGTH + CHECKSUM_LENGTH)}`,
};

const checksumOf = (text: string): string => inBase62(BigInt(crc32(text)), CHECKSUM_LENGTH);

function inBase62(number: bigint, length: number): string {
  let text = '';
  for (let rest = number; text.length < length; rest /= BASE) text = DIGITS.charAt(Number(rest % BASE)) + text;
  return text;
}

function fromBase62(text: string): bigint {
  let number = 0n;
  for (const digit of text) number = number * BASE + (VALUES.get(digit) ?? 0n);
  return number;
}

const bytesOf = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex');

function uuidOf(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
