import { InvalidValue } from './config-error.ts';
import type { Parser } from './parse-values.ts';

/** Minimum bytes of a key: the full strength of HKDF-SHA-256. */
export const SECRET_KEY_BYTES = 32;

/** The key of `.env.example`, which production refuses. */
export const EXAMPLE_SECRET_KEY = 'replace-me-by-the-output-of-openssl-rand-base64-32';

/** 32 random hexadecimal digits, the poorest alphabet in use, have fewer different ones about once in 10^7. */
const LEAST_DISTINCT = 8;
const GUESSED_WORDS = /change(me|it|this)|replaceme|secret|passw(or|0r)?d|default|example|insecure|qwerty|letmein/;

/** Why a key can be guessed, as the predicate of a sentence that does not repeat it; null if no weakness is found. */
export function weakness(key: string): string | null {
  if (key === EXAMPLE_SECRET_KEY) return 'is the public one of .env.example';
  if (GUESSED_WORDS.test(key.toLowerCase().replace(/[^a-z0-9]/g, ''))) return 'contains a word that is guessed first';
  if (new Set(key).size < LEAST_DISTINCT) return 'has too few different characters';
  if (repeats(key)) return 'repeats a short sequence';
  if (climbs(key)) return 'follows the order of the alphabet or the digits';
  return null;
}

/** Whether the key repeats a piece that is too short to be a key itself. */
function repeats(key: string): boolean {
  const longest = Math.min(SECRET_KEY_BYTES - 1, key.length / 2);
  for (let period = 1; period <= longest; period += 1) {
    if (key.startsWith(key.slice(period))) return true;
  }
  return false;
}

/** Whether more than half of the characters are next to the one before (`abcdef…`, `98765…`, `aaabbb…`). */
function climbs(key: string): boolean {
  let steps = 0;
  for (let index = 1; index < key.length; index += 1) {
    if (Math.abs(key.charCodeAt(index) - key.charCodeAt(index - 1)) <= 1) steps += 1;
  }
  return steps > key.length / 2;
}

/** A key of at least `SECRET_KEY_BYTES`; `weakness` tells whether it can be guessed. */
export const secretKey: Parser<string> = (text) => {
  if (Buffer.byteLength(text) < SECRET_KEY_BYTES) {
    throw new InvalidValue(
      `has less than ${SECRET_KEY_BYTES} bytes`,
      'Set it to the output of: openssl rand -base64 32 (and quote it in .env if it holds a #)',
    );
  }
  return text;
};
