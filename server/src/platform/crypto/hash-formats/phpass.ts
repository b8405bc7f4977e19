import { hash, timingSafeEqual } from 'node:crypto';
import { setImmediate as otherWork } from 'node:timers/promises';
import type { HashReader } from './stored-hash.ts';

/** Rounds of MD5: some 50 ms of one core. WordPress uses 8,192, phpBB 2,048. */
export const PHPASS_MAX_ROUNDS = 2 ** 16;
/** Rounds between which other work goes on: well below a millisecond, for MD5 has no asynchronous form. */
const SLICE = 256;

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** `$P$` (WordPress before 6.8) or `$H$` (phpBB): a character for the logarithm of the rounds, 8 of salt, 22 of digest. */
const PORTABLE = /^\$[PH]\$(?<cost>[./0-9A-Za-z])(?<salt>[./0-9A-Za-z]{8})(?<digest>[./0-9A-Za-z]{22})$/;
/** What PHP's `addslashes` escapes. */
const SLASHED = new Set([...`'"\\`].map((sign) => sign.charCodeAt(0)));

/** The portable hashes of phpass: repeated, salted MD5. */
export const readPhpass: HashReader = (stored) => {
  const { cost = '', salt = '', digest = '' } = PORTABLE.exec(stored)?.groups ?? {};
  if (digest === '') return null;
  const rounds = 2 ** ALPHABET.indexOf(cost);
  if (rounds < 2 ** 7 || rounds > PHPASS_MAX_ROUNDS) return null;
  const wanted = Buffer.from(digest);
  return { matches: (password) => matchesSlashed(password, (form) => matches(form, salt, rounds, wanted)) };
};

/**
 * WordPress escapes what a request contains before it hashes the password in it, and other ways to set a password do not: tries the
 * password as it is, and then as it is escaped, if that is something else.
 */
export async function matchesSlashed(
  password: Uint8Array,
  matchesForm: (form: Uint8Array) => Promise<boolean>,
): Promise<boolean> {
  if (await matchesForm(password)) return true;
  const slashed = Buffer.from(Array.from(password).flatMap((byte) => (SLASHED.has(byte) ? [0x5c, byte] : [byte])));
  return slashed.length > password.length && (await matchesForm(slashed));
}

async function matches(password: Uint8Array, salt: string, rounds: number, wanted: Buffer): Promise<boolean> {
  let digest = hash('md5', Buffer.concat([Buffer.from(salt), password]), 'buffer');
  for (let done = 0; done < rounds; done++) {
    digest = hash('md5', Buffer.concat([digest, password]), 'buffer');
    if (done % SLICE === SLICE - 1) await otherWork();
  }
  return timingSafeEqual(Buffer.from(encode(digest)), wanted);
}

/** phpass's base64: little-endian, six bits for each character. */
function encode(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += 3) {
    const group = bytes.subarray(start, start + 3);
    const value = (group[0] ?? 0) | ((group[1] ?? 0) << 8) | ((group[2] ?? 0) << 16);
    for (let i = 0; i <= group.length; i++) text += ALPHABET[(value >> (6 * i)) & 63];
  }
  return text;
}
