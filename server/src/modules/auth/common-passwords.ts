import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { comparable } from './comparable.ts';

/** Maximum characters of an ornament, which people append to satisfy a form: a year, `123`, `!`. */
const MAX_ORNAMENT = 4;
const LETTER = /\p{L}/u;

let list: Buffer | undefined;

/**
 * Whether a password is on the list of leaked and popular ones (@zxcvbn-ts/language-common, 49,000, offline), without regard
 * to case, accents, look-alikes (`P@ssw0rd`) and up to four digits or signs at its end (`Dragon2024!`).
 * The first call reads the list: 0.5 MB, a few milliseconds. Throws when the package's file is missing.
 */
export function isCommonPassword(password: string): boolean {
  list ??= load();
  const characters = Array.from(password.normalize('NFKC'));
  let end = characters.length;
  while (end > 0 && characters.length - end < MAX_ORNAMENT && !LETTER.test(characters[end - 1] ?? '')) end -= 1;
  const stem = comparable(characters.slice(0, end).join(''));
  const ornament = comparable(characters.slice(end).join(''));
  return isListed(list, stem, ornament);
}

/**
 * Whether the list has `stem`, or `stem` with a beginning of `ornament`. Each is searched for as a whole word: a search for all words that
 * begin with `stem` would compare a very short one with half of the list.
 */
function isListed(words: Buffer, stem: string, ornament: string): boolean {
  for (let length = 0; length <= ornament.length; length += 1) {
    const word = stem + ornament.slice(0, length);
    if (word !== '' && words.includes(`"${word}"`)) return true;
  }
  return false;
}

/**
 * The package's JSON (one line of quoted words, ASCII without escapes, as the test checks) stays a plain buffer in comparable
 * form: the package's own module makes tens of thousands of strings, 70 ms and 20 MB, for what one search in 0.5 MB answers.
 */
function load(): Buffer {
  const file = import.meta.resolve('@zxcvbn-ts/language-common/src/passwords.json');
  const words = readFileSync(fileURLToPath(file));
  const form = Uint8Array.from({ length: 128 }, (_, code) => comparable(String.fromCharCode(code)).charCodeAt(0));
  for (let index = 0; index < words.length; index += 1) words[index] = form[words[index] ?? 0] ?? 0;
  return words;
}
