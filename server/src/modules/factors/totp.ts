import { createHmac, randomBytes } from 'node:crypto';
import { sameSecret } from '../../platform/crypto/one-time.ts';
import { toCode } from '../../platform/typed-text.ts';

/** Seconds of a time step. */
const PERIOD = 30;
const DIGITS = 6;
/** RFC 4226, 4: 160 bits, the length of an HMAC-SHA-1. */
const SECRET_BYTES = 20;
/** Steps before and after the present one whose codes are taken, for a device whose clock is off (RFC 6238, 5.2). */
const WINDOW = 1;
const CODE = new RegExp(`^[0-9]{${DIGITS}}$`);
/** RFC 4648, 6. */
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** A new secret of 160 bits. */
export const newTotpSecret = (): Buffer => randomBytes(SECRET_BYTES);

/** The time step of a moment: `stepOf(new Date(59_000))` is 1. */
export function stepOf(at: Date): number {
  return Math.floor(at.getTime() / 1000 / PERIOD);
}

/**
 * The code of a time step: HOTP (RFC 4226, 5.3) of the step (RFC 6238). SHA-1 is what every app computes; its known collisions are no attack
 * on an HMAC. `digits`, `hash`: only for the vectors of the RFC.
 */
export function codeAt(secret: Uint8Array, step: number, { digits = DIGITS, hash = 'sha1' } = {}): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac(hash, secret).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 0xf;
  const truncated = mac.readUInt32BE(offset) & 0x7fffffff;
  return String(truncated % 10 ** digits).padStart(digits, '0');
}

/** The time steps around a moment whose code was typed, in digits of any script and with separators; the earliest first. */
export function stepsOfCode(secret: Uint8Array, typed: string, now: Date): number[] {
  const code = toCode(typed);
  if (!CODE.test(code)) return [];
  const present = stepOf(now);
  const steps = Array.from({ length: 2 * WINDOW + 1 }, (_, index) => present - WINDOW + index);
  return steps.filter((step) => sameSecret(codeAt(secret, step), code));
}

/** Base 32 without padding, as apps take it. */
export function toBase32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += BASE32[(value >>> (bits - 5)) & 31];
  }
  return bits > 0 ? text + BASE32[(value << (5 - bits)) & 31] : text;
}

/**
 * What an app reads as a QR code: `otpauth://totp/auth.example.org:ada@example.org?secret=…&issuer=…` (the key URI format of Google
 * Authenticator, which all follow). `issuer`, `account`: shown beside the code.
 */
export function totpUri(secret: Uint8Array, { issuer, account }: { issuer: string; account: string }): string {
  // A colon parts the two in the label.
  const label = [issuer, account].map((part) => encodeURIComponent(part.replaceAll(':', ' '))).join(':');
  const parameters = { secret: toBase32(secret), issuer, algorithm: 'SHA1', digits: DIGITS, period: PERIOD };
  const query = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `otpauth://totp/${label}?${query.join('&')}`;
}
