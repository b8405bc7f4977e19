import { lookAlikeKey } from './look-alikes.ts';

/** Code points. */
const MIN_LENGTH = 3;
const MAX_LENGTH = 32;
/** UTF-16 units, before anything is done to the input. */
const INPUT_LIMIT = 128;

/**
 * Letters, marks, decimal digits and the three separators, less what is invisible, enclosing, drawn across its neighbours or
 * made to imitate other letters: default-ignorables (joiners, fillers, bidi controls), click letters, modifier letters, stroke
 * overlays, double and letter-shaped marks, tatweel, loose Hangul jamo, Hangul tone marks, and the phonetic blocks of Latin
 * and Cyrillic.
 */
const CHARACTERS = new RegExp(
  String.raw`^[[\p{L}\p{M}\p{Nd}_.\-]--[\p{Default_Ignorable_Code_Point}\p{Me}\u01c0-\u01c3\u02b0-\u02ff\u0334-\u0338\u035c-\u036f` +
    String.raw`\u0640\u1100-\u11ff\u1ab0-\u1aff\u1c80-\u1c8f\u1d00-\u1dff\u20d0-\u20ff\u2c60-\u2c7f\u2de0-\u2dff\u302a-\u302f\u3031-\u3035\u303b` +
    String.raw`\ua640-\ua69f\ua720-\ua7ff\ua960-\ua97f\uab30-\uab6f\ud7b0-\ud7ff\u{10780}-\u{107bf}\u{1df00}-\u{1dfff}\u{1e030}-\u{1e08f}]]+$`,
  'v',
);
/** Begins and ends with a letter or digit, whatever marks the last one carries. */
const SHAPE = /^[\p{L}\p{Nd}](?:.*[\p{L}\p{Nd}])?\p{M}*$/u;
/** The same mark twice is drawn as one; marks in towers spill over other people's lines. */
const BAD_MARKS = /(\p{Mn})\1|[_.-]\p{M}|\p{M}{5}|[\p{scx=Latin}\p{scx=Greek}\p{scx=Cyrillic}]\p{M}{3}/u;
/** Digits of two systems in one name; Arabic has two series of its own, drawn alike. */
const MIXED_DIGITS = /^(?=.*[0-9])(?=.*[\p{Nd}--[0-9]])|^(?=.*[\u0660-\u0669])(?=.*[\u06f0-\u06f9])/v;
/**
 * A dependent vowel sign behind an independent vowel, in the nine scripts of India and Sinhala: no spelling, but drawn as another vowel
 * (आ for अा; the Unicode Standard, 12.1, says not to write it so). Gurmukhi's bearers of vowels count as such, and RA with a virama before I, which is drawn as II.
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
 * The recommended scripts of UAX #31 (table 5), each alone or in one of the three mixtures that are ordinary writing. Only for
 * these is it known what looks like what.
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
  /** As its owner wrote it, in NFKC: what people see. */
  display: string;
  /** Lower case: what is compared at sign-in. */
  canonical: string;
  /** Unique among all users: names that could be taken for each other share it. At most 64 code points (256 bytes). */
  key: string;
}

/**
 * Reads a user name: 3 to 32 code points of one script's letters and digits, `_`, `-`, `.`. Close to UsernameCaseMapped
 * (RFC 8265, 3.3), but with NFKC for its width mapping, so that ligatures and the like become plain letters. Null for any other input.
 * Applied to its own `canonical` or `display` it gives the same canonical form and key.
 */
export function canonicalUsername(input: string): CanonicalUsername | null {
  if (input.length > INPUT_LIMIT) return null;
  const display = input.trim().normalize('NFKC');
  const canonical = display.toLowerCase().normalize('NFKC');
  if (!hasLength(display) || !hasLength(canonical) || !CHARACTERS.test(canonical)) return null;
  if (!SHAPE.test(canonical) || BAD_MARKS.test(canonical) || MIXED_DIGITS.test(canonical)) return null;
  if (DRAWN_AS_ANOTHER_VOWEL.test(canonical)) return null;
  if (!WRITINGS.some((writing) => writing.test(canonical))) return null;
  // The first letter sets the direction (RFC 5893, 2, rule 1): a leading digit would be drawn at the other end.
  if (RIGHT_TO_LEFT.test(canonical) && !/^\p{L}/u.test(canonical)) return null;
  const key = lookAlikeKey(canonical);
  return { display: isGreekInDisguise(canonical, key) ? canonical : display, canonical, key };
}

/** These blocks are laid out alike: independent vowels at 05 to 14, signs at 3A to 3B, 3E to 4C, 4E to 4F, 55 to 57, 62 to 63. */
function independentWithSign(block: number): string {
  const at = (offset: number) => `\\u0${(block + offset).toString(16)}`;
  const range = (from: number, to: number) => `${at(from)}-${at(to)}`;
  const signs = [range(0x3a, 0x3b), range(0x3e, 0x4c), range(0x4e, 0x4f), range(0x55, 0x57), range(0x62, 0x63)];
  return `[${range(0x05, 0x14)}][${signs.join('')}]`;
}

function hasLength(name: string): boolean {
  const length = Array.from(name).length;
  return length >= MIN_LENGTH && length <= MAX_LENGTH;
}

/**
 * Η, Ν, Υ and Μ are twins of other Latin letters than η, ν, υ and μ, and the key follows the small ones. A Greek name that could
 * be read as Latin throughout is therefore shown in lower case.
 */
function isGreekInDisguise(canonical: string, key: string): boolean {
  const greek = /\p{scx=Greek}/u;
  return /(?!\p{M})\p{scx=Greek}/u.test(canonical) && !greek.test(key);
}
