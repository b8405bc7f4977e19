/** Signs that people type as an apostrophe, and typefaces and keyboards write in other ways; some of them would decompose into a blank. */
const APOSTROPHES = /[’‘‛ʼʻʹʽˈ′‵´`΄᾽᾿῾＇ꞌ]/gu;
/** All dashes, the minus and the hyphen bullet. */
const HYPHENS = /[\p{Pd}−⁃]/gu;
/** Accents, and what shows nothing; the Arabic tatweel only lengthens a line. */
const DROPPED = /[\p{M}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb\u0640]/gu;

/** Letters that do not decompose, as "what people type instead, space, the letters". All are lower case. */
const LETTERS = [
  'a ⱥ',
  'b ƀɓ',
  'c ȼ',
  'd đðɖɗ',
  'e ɇəɛǝ',
  'f ƒ',
  'g ǥɠɣ',
  'h ħ',
  'i ıɨɩ',
  'j ɉȷ',
  'k ĸƙ',
  'l łƚɫ',
  'n ŋɲɳ',
  'o øɵɔ',
  'p ƥ',
  'r ɍ',
  's ȿ',
  't ŧƭⱦ',
  'u ʉ',
  'v ʋ',
  'y ƴɏ',
  'z ƶȥ',
  'ae æ',
  'oe œ',
  'ss ß',
  'th þ',
  // At the end of a word only: a search that ends in it finds longer words, too.
  'σ ς',
  'г ґ',
  // Arabic letters that Arabic, Persian and Urdu keyboards write in different ways.
  'ي ىیے',
  'ك کڪ',
  'ه ةہھە',
  'ا ٱ',
];
const FOLDED = new Map(
  LETTERS.flatMap((line) => {
    const [typed = '', letters = ''] = line.split(' ');
    return Array.from(letters, (letter) => [letter, typed] as const);
  }),
);

/**
 * The form in which what is stored and what is searched for are compared: without case, accents, compatibility forms and invisible
 * characters, with one apostrophe and one hyphen, and letters that do not decompose as people type them (Łukasz, Yılmaz, Weiß). Only for
 * comparisons, never shown.
 */
export function foldForSearch(text: string): string {
  const plain = text.toWellFormed().replaceAll(APOSTROPHES, "'").replaceAll(HYPHENS, '-').normalize('NFKD');
  return Array.from(plain.replaceAll(DROPPED, '').toLowerCase(), (letter) => FOLDED.get(letter) ?? letter).join('');
}
