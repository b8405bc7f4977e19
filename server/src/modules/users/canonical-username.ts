import { trimInvisible } from '../../platform/typed-text.ts';
import { lookAlikeKey } from './look-alikes.ts';

/** Code points. */
const MIN_LENGTH = 3;
const MAX_LENGTH = 32;
/** Two characters are a whole name in these scripts (王伟, 김철, あい); the second may be the mark of a long vowel or of a repetition. */
const SHORT =
  /^[\p{sc=Han}\p{sc=Hangul}\p{sc=Hiragana}\p{sc=Katakana}](?=\p{L})[\p{scx=Han}\p{scx=Hangul}\p{scx=Hiragana}\p{scx=Katakana}]$/u;
/** UTF-16 units, checked before normalization. */
const INPUT_LIMIT = 128;

/**
 * Letters, marks, decimal digits and the three separators, without characters that are invisible, enclose or cross their neighbours,
 * or imitate other letters: default-ignorables (joiners, fillers, bidi controls), click letters, modifier letters, stroke
 * overlays, double and letter-shaped marks, tatweel, loose Hangul jamo, Hangul tone marks, and the phonetic blocks of Latin
 * and Cyrillic.
 */
const CHARACTERS = new RegExp(
  String.raw`^[[\p{L}\p{M}\p{Nd}_.\-]--[\p{Default_Ignorable_Code_Point}\p{Me}\u01c0-\u01c3\u02b0-\u02ff\u0334-\u0338\u035c-\u036f` +
    String.raw`\u0640\u1100-\u11ff\u1ab0-\u1aff\u1c80-\u1c8f\u1d00-\u1dff\u20d0-\u20ff\u2c60-\u2c7f\u2de0-\u2dff\u302a-\u302f\u3031-\u3035\u303b` +
    String.raw`\ua640-\ua69f\ua720-\ua7ff\ua960-\ua97f\uab30-\uab6f\ud7b0-\ud7ff\u{10780}-\u{107bf}\u{1df00}-\u{1dfff}\u{1e030}-\u{1e08f}]]+$`,
  'v',
);
/** Begins and ends with a letter or digit; the last one may carry marks. */
const SHAPE = /^[\p{L}\p{Nd}](?:.*[\p{L}\p{Nd}])?\p{M}*$/u;
/** A repeated mark is drawn as one, and stacked marks overlap the lines above and below. */
const BAD_MARKS = /(\p{Mn})\1|[_.-]\p{M}|\p{M}{5}|[\p{scx=Latin}\p{scx=Greek}\p{scx=Cyrillic}]\p{M}{3}/u;
/** Digits of two systems in one name; the two series of Arabic digits look alike. */
const MIXED_DIGITS = /^(?=.*[0-9])(?=.*[\p{Nd}--[0-9]])|^(?=.*[\u0660-\u0669])(?=.*[\u06f0-\u06f9])/v;
/**
 * A dependent vowel sign after an independent vowel, in the nine scripts of India and in Sinhala: not a correct spelling, but drawn like
 * another vowel (अा like आ; the Unicode Standard, 12.1, advises against it). The vowel bearers of Gurmukhi count as independent vowels.
 * RA with a virama before I is included, because it is drawn like II.
 */
const DRAWN_AS_ANOTHER_VOWEL = new RegExp(
  [
    ...[0x900, 0x980, 0xa00, 0xa80, 0xb00, 0xb80, 0xc00, 0xc80, 0xd00].map(independentWithSign),
    String.raw`[\u0a72\u0a73][\u0a3e-\u0a4c]`,
    String.raw`[\u0d85-\u0d96][\u0dcf-\u0ddf\u0df2\u0df3]`,
    String.raw`\u0930\u094d\u0907`,
  ].join('|'),
  'u',
);
const RIGHT_TO_LEFT = /[\p{scx=Hebrew}\p{scx=Arabic}\p{scx=Thaana}]/u;

/**
 * The recommended scripts of UAX #31 (table 5), each alone or in one of the three mixtures that are ordinary writing. The table of
 * look-alikes covers only these.
 */
const WRITINGS = [
  ...['Latin', 'Greek', 'Cyrillic', 'Armenian', 'Georgian', 'Hebrew', 'Arabic', 'Thaana', 'Ethiopic'],
  ...['Devanagari', 'Bengali', 'Gurmukhi', 'Gujarati', 'Oriya', 'Tamil', 'Telugu', 'Kannada', 'Malayalam', 'Sinhala'],
  ...['Thai', 'Lao', 'Khmer', 'Myanmar', 'Tibetan'],
  ...['Han Hiragana Katakana', 'Han Hangul', 'Han Bopomofo'],
].map((scripts) => {
  const members = scripts.split(' ').map((script) => String.raw`\p{scx=${script}}`);
  return new RegExp(String.raw`^[${members.join('')}\p{scx=Inherited}0-9_.\-]+$`, 'u');
});

export interface CanonicalUsername {
  /** As the user wrote it, in NFKC; this form is shown. */
  display: string;
  /** Lower case; this form is compared at sign-in. */
  canonical: string;
  /** Look-alike names share it; unique among all users. At most 64 code points (256 bytes). */
  key: string;
}

/**
 * Parses a username: 3 to 32 code points (2 are enough in Han, Hangul and Kana), which are letters and digits of one script, `_`, `-` and `.`. Close to UsernameCaseMapped
 * (RFC 8265, 3.3), but with NFKC instead of its width mapping, so that ligatures and the like become plain letters. Null for any other
 * input. The result's `canonical` and `display` give the same canonical form and key again.
 */
export function canonicalUsername(input: string): CanonicalUsername | null {
  if (input.length > INPUT_LIMIT) return null;
  const display = trimInvisible(input).normalize('NFKC');
  // Turkish İ is an `i`; in lower case it has a second dot elsewhere.
  const canonical = display
    .toLowerCase()
    .replace(/i\u0307(?!\u0307)/g, 'i')
    .normalize('NFKC');
  if (!hasLength(display) || !hasLength(canonical) || !CHARACTERS.test(canonical)) return null;
  if (!SHAPE.test(canonical) || BAD_MARKS.test(canonical) || MIXED_DIGITS.test(canonical)) return null;
  if (DRAWN_AS_ANOTHER_VOWEL.test(canonical)) return null;
  if (!WRITINGS.some((writing) => writing.test(canonical))) return null;
  // The first letter sets the direction (RFC 5893, 2, rule 1): a leading digit would be drawn at the other end.
  if (RIGHT_TO_LEFT.test(canonical) && !/^\p{L}/u.test(canonical)) return null;
  const key = lookAlikeKey(canonical);
  return { display: isGreekInDisguise(canonical, key) ? canonical : display, canonical, key };
}

/** Offsets in these blocks, all alike: independent vowels at 05 to 14, signs at 3A to 3B, 3E to 4C, 4E to 4F, 55 to 57, 62 to 63. */
function independentWithSign(block: number): string {
  const at = (offset: number) => `\\u0${(block + offset).toString(16)}`;
  const range = (from: number, to: number) => `${at(from)}-${at(to)}`;
  const signs = [range(0x3a, 0x3b), range(0x3e, 0x4c), range(0x4e, 0x4f), range(0x55, 0x57), range(0x62, 0x63)];
  return `[${range(0x05, 0x14)}][${signs.join('')}]`;
}

function hasLength(name: string): boolean {
  const length = Array.from(name).length;
  return (length >= MIN_LENGTH && length <= MAX_LENGTH) || SHORT.test(name);
}

/**
 * Capital Η, Ν, Υ and Μ look like other Latin letters than η, ν, υ and μ do, and the key follows the lower case. A Greek name of which
 * every letter looks Latin is therefore shown in lower case.
 */
function isGreekInDisguise(canonical: string, key: string): boolean {
  const greek = /\p{scx=Greek}/u;
  return /(?!\p{M})\p{scx=Greek}/u.test(canonical) && !greek.test(key);
}
