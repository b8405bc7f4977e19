import { timingSafeEqual } from 'node:crypto';
import { MINUTE } from '../clock.ts';
import type { KeyId, Keyring } from './keyring.ts';

/** What a one-time secret is derived from; stored are `id` and `keyId`, never the secret. */
export interface OneTimeSecret {
  purpose: string;
  /** The challenge, made anew for every new secret. */
  id: string;
  /** Whom or what it serves; a secret for one subject is wrong for another. */
  subject: string;
  keyId: KeyId;
}

export const CODE_DIGITS = 6;
/** Milliseconds that a code is good for. */
export const CODE_TTL = 10 * MINUTE;
/** How often a code may be tried, right or wrong. */
export const CODE_TRIES = 5;

/** A code of six digits. Deriving it again gives the same one, so a mail that is sent twice says the same. */
export function deriveCode(keyring: Keyring, secret: OneTimeSecret): string {
  const value = derive(keyring, 'one-time-code', secret).readBigUInt64BE() % 10n ** BigInt(CODE_DIGITS);
  return value.toString().padStart(CODE_DIGITS, '0');
}

/** 256 bits. Deriving them again gives the same ones. */
export function deriveToken(keyring: Keyring, secret: OneTimeSecret): Buffer {
  return derive(keyring, 'one-time-token', secret);
}

function derive(keyring: Keyring, kind: string, { purpose, id, subject, keyId }: OneTimeSecret): Buffer {
  return keyring.mac(kind, [purpose, id, subject], keyId);
}

/** Compares without telling by its time where two secrets differ (their lengths are no secret). */
export function sameSecret(a: string | Uint8Array, b: string | Uint8Array): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
