import { timingSafeEqual } from 'node:crypto';
import { MINUTE } from '../clock.ts';
import { toCode } from '../typed-text.ts';
import type { KeyId, Keyring } from './keyring.ts';

/** What a one-time secret is derived from. `id` and `keyId` are stored, never the secret. */
export interface OneTimeSecret {
  purpose: string;
  /** The challenge; a new one for every secret. */
  id: string;
  /** Whom or what the secret is for; it is invalid for another subject. */
  subject: string;
  keyId: KeyId;
}

export const CODE_DIGITS = 6;
/** Lifetime of a code in milliseconds. */
export const CODE_TTL = 10 * MINUTE;
/** Attempts per code, right or wrong. */
export const CODE_TRIES = 5;

/** A code of so many digits. Deriving it again gives the same code, so that a mail that is sent twice is the same. */
export function deriveCode(keyring: Keyring, secret: OneTimeSecret, digits = CODE_DIGITS): string {
  const value = derive(keyring, 'one-time-code', secret).readBigUInt64BE() % 10n ** BigInt(digits);
  return value.toString().padStart(digits, '0');
}

/** Whether a typed text can be a code: digits of any script, with separators or without. Anything else needs no try. */
export function isCode(typed: string, digits = CODE_DIGITS): boolean {
  const code = toCode(typed);
  return code.length === digits && /^[0-9]+$/.test(code);
}

/** Compares a typed text with a code in constant time. */
export const sameCode = (typed: string, code: string): boolean => sameSecret(toCode(typed), code);

/** 256 bits. Deriving them again gives the same bits. */
export function deriveToken(keyring: Keyring, secret: OneTimeSecret): Buffer {
  return derive(keyring, 'one-time-token', secret);
}

function derive(keyring: Keyring, kind: string, { purpose, id, subject, keyId }: OneTimeSecret): Buffer {
  return keyring.mac(kind, [purpose, id, subject], keyId);
}

/** Compares in constant time (the lengths are not secret). */
export function sameSecret(a: string | Uint8Array, b: string | Uint8Array): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
