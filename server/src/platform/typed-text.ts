/** What shows nothing: white space, joiners, marks of direction, fillers, and the empty pattern of Braille. */
const INVISIBLE = String.raw`\s\p{Z}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb\u2800`;
const VISIBLE = new RegExp(`[^${INVISIBLE}]`, 'v');
/** Change how the character before them is drawn, so that the end of a text may need them. */
const VARIATIONS = String.raw`\ufe00-\ufe0f\u{e0100}-\u{e01ef}\u{e0020}-\u{e007f}\u180b-\u180d\u180f`;
const VARIATION = new RegExp(`[${VARIATIONS}]`, 'v');

/** Scripts whose letters join or stack; Bengali and Kannada write a joiner after a letter, the others after a mark. */
const JOINING = [
  ...['Arabic', 'Syriac', 'Mongolian', 'Devanagari', 'Bengali', 'Gurmukhi', 'Gujarati', 'Oriya', 'Tamil', 'Telugu'],
  ...['Kannada', 'Malayalam', 'Sinhala', 'Khmer', 'Myanmar'],
].map((script) => String.raw`\p{sc=${script}}`);
/**
 * Invisible characters where writing needs them: joiners and variations in the scripts that have them, in Han and in emoji, and the
 * zero-width space that parts words in Khmer, Lao, Thai and Myanmar.
 */
const NEEDED = new RegExp(
  String.raw`(?<=[\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}${JOINING.join('')}])[\u200c\u200d]` +
    String.raw`|(?<=[\p{sc=Khmer}\p{sc=Lao}\p{sc=Thai}\p{sc=Myanmar}])\u200b` +
    String.raw`|(?<=[\p{Emoji}\p{sc=Han}])[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]` +
    String.raw`|(?<=[\p{sc=Mongolian}\p{sc=Myanmar}])[\ufe00\u180b-\u180f]` +
    String.raw`|(?<=[\u{1f3f4}\u{e0020}-\u{e007e}])[\u{e0020}-\u{e007f}]`,
  'gv',
);
const HIDDEN = /[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/u;
const CONTROL = /\p{Cc}/u;
/** Break the line, or turn around the text beside them: refused even at an end, where an unclosed one does the most. */
const DIRECTION = /[\u2028-\u202e\u2066-\u2069]/u;
/** Order the words of a line that mixes both directions, and nothing beyond it. */
const DIRECTION_MARK = /[\u200e\u200f\u061c]/g;
const RIGHT_TO_LEFT = /(?=\p{L})[\p{sc=Hebrew}\p{sc=Arabic}\p{sc=Syriac}\p{sc=Thaana}\p{sc=Nko}\p{sc=Adlam}]/u;
/** A paragraph may have line breaks and tabs, and isolates of direction, which end with it. */
const TEXT_CONTROL = /(?![\n\r\t])\p{Cc}|[\u202a-\u202e]/u;

/** Removes what shows nothing from both ends, where pasted texts often have it: blanks, marks of direction, zero-width characters. */
export function trimInvisible(text: string): string {
  const characters = Array.from(text);
  const isVisible = (character: string) => VISIBLE.test(character);
  return characters.slice(characters.findIndex(isVisible), characters.findLastIndex(isVisible) + 1).join('');
}

/** The same for a text that is shown, whose last character keeps its variation (❤️). Null if nothing visible is left. */
export function trimText(text: string): string | null {
  const characters = Array.from(text);
  const start = characters.findIndex((character) => VISIBLE.test(character));
  if (start < 0) return null;
  const end = characters.findLastIndex((character) => VISIBLE.test(character) || VARIATION.test(character));
  return characters.slice(start, end + 1).join('');
}

/**
 * Whether a text, once trimmed, is one line that shows all that it contains: no control characters, no line breaks, which could add lines to
 * the header of a mail, and nothing invisible, except what its writing needs. No embedding, override or isolate of direction at all.
 */
export function isLine(text: string): boolean {
  const line = trimText(text) ?? '';
  const rest = (RIGHT_TO_LEFT.test(line) ? line.replace(DIRECTION_MARK, '') : line).replace(NEEDED, '');
  return !DIRECTION.test(text) && !CONTROL.test(rest) && !HIDDEN.test(rest);
}

/** Whether a text has no control characters but line breaks and tabs, and none that reverses the text after it. */
export function isParagraph(text: string): boolean {
  return !TEXT_CONTROL.test(text);
}

/** Writes the decimal digits of any script (`１２３`, `١٢٣`) in ASCII. */
function toAsciiDigits(text: string): string {
  return text.replace(/\p{Nd}/gu, (digit) => String(digitOf(digit.codePointAt(0) ?? 0)));
}

/** Unicode encodes the ten digits of a script in a row, from zero; several rows may follow each other. */
function digitOf(codePoint: number): number {
  let zero = codePoint;
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return (codePoint - zero) % 10;
}

/** A code of digits as it was meant: digits of any script, without blanks, separators and invisible characters (`１２３ 456`). */
export function toCode(typed: string): string {
  return toAsciiDigits(typed.replaceAll(CODE_SEPARATOR, ''));
}
const CODE_SEPARATOR = new RegExp(`[${INVISIBLE}\\p{P}]`, 'gv');

/** A phone number in E.164 (`+442071234567`), written with any digits and separators (`+44 (20) 7123-4567`); null for any other text. */
export function toPhone(typed: string): string | null {
  const number = toAsciiDigits(typed.replaceAll('＋', '+').replaceAll(PHONE_SEPARATOR, ''));
  return /^\+[1-9][0-9]{6,14}$/.test(number) ? number : null;
}
const PHONE_SEPARATOR = new RegExp(String.raw`[${INVISIBLE}\p{Pd}\(\)\[\].\/\u2212]`, 'gv');

/**
 * A web address, trimmed; null unless it is an `http:` or `https:` URL whose host can be seen: without credentials, which look like a host
 * (`https://bank.example@evil.example`), without backslashes, which browsers read as slashes, and without blanks, marks of direction or
 * other invisible characters. What it may contain beyond that is percent-encoded.
 */
export function toWebAddress(typed: string): string | null {
  const address = trimInvisible(typed);
  const authority = /^https?:\/\/([^/?#]+)/i.exec(address)?.[1];
  if (DIRECTION.test(typed) || authority === undefined || authority.includes('@') || WRONG_IN_URL.test(address))
    return null;
  return URL.canParse(address) ? address : null;
}
const WRONG_IN_URL = new RegExp(String.raw`[${INVISIBLE}\p{Cc}\\<>"]`, 'v');
