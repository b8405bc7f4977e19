/**
 * The look-alikes of letters and digits, each line as "prototype, space, everything that looks like it". All are lower case and
 * without accents, which the skeleton removes first. A letter is listed if it looks alike in either case, since a name is shown as its
 * user wrote it (в is listed because В looks like B). The table follows the data of UTS #39, reduced to the scripts of usernames, and
 * is coarser where people would not notice the difference at a glance (ø and o, ł and l, ь and b).
 *
 * Three sets are within ASCII: `0 o`, `1 i l` (a capital I looks like l), and `m rn`, `w vv`, which are replaced by the longer
 * form. So `mark1` and `markl` collide, and so do `modern` and `modem`. Not listed, because every usable typeface tells them
 * apart: 5 and s, 2 and z, 8 and b, cl and d.
 */
const TWINS = [
  'a ɑαа',
  'b ƀƃƅɓʙßβвьъҍ',
  'c ƈɕсҫȼҁ',
  'd đðɖɗƌԁȡԃ',
  'e ɛɇеєҽҿεԑ',
  'f ƒϝքẜẝʄ',
  'g ɡɢɠǥցԍʛ',
  'h ħɦʜһнңӊӈҥђћհԧԣԩ',
  'j ȷɉɟʝјϳյ',
  'k ƙĸкқҝҟҡӄԟκ',
  'l 1iıɩɪɨłƚɫɬɭіӏιלוןاլ١ȴʟٱٲٳ',
  'n ƞŋɲɳɴпηոռȵҧԥ',
  'o 0øɵоөѳοσςθօסهہھەةഠଠဝዐ०০੦૦୦௦౦೦൦๐໐၀٥ѻ',
  'p ƥƿрҏρϼ',
  'q ɋʠԛգզ',
  'r ɍɼɽɾʀгґғӷӻҕ',
  's ʂȿѕտ',
  't ŧƫƭʈтҭτȶ',
  'u ʉʊʋμυս',
  'v ѵνט٧ỽ',
  'x хҳӽχӿ',
  'y ƴɏɣʏуүұγყỿ',
  'z ƶȥʐʑζɀ',
  'ə ǝәɚ',
  'þ ϸ',
  '2 ƨ',
  '3 ʒȝɜзҙӡვʓɝɞ',
  '5 ƽ',
  '6 б',
  '8 ȣ',
  'rn mɱмӎʍϻ',
  'vv wɯѡшԝաωɰ',
  'ae æӕ',
  'oe œɶ',
  'bl ы',
  'lo ю',
  'dz ʣʥ',
  'd3 ʤ',
  'ts ʦ',
  'tc ʨ',
  'fn ʩ',
  'ls ʪ',
  'lz ʫ',
  'll ỻװ',
  'lי ױ',
  'יי ײ',
  'ж җ',
  'и ҋ',
  'л ӆԓԡ',
  'ч ҷӌҹ',
  // Arabic letters that differ only in last position, and digits that the two Arabic series share.
  'ي یىے',
  'ك کڪ',
  '٠ ۰',
  'l ۱',
  '٢ ۲',
  '٣ ۳',
  '٤ ۴',
  'o ۵',
  '٦ ۶',
  'v ۷',
  '٨ ۸',
  '٩ ۹',
  // The AU length mark of Tamil, also within ஔ, is drawn like LLA.
  'ள ௗ',
  // Thai SARA E twice is drawn like SARA AE.
  'เเ แ',
  // Kana and Han: a name may mix them.
  'ー 一',
  'ニ 二',
  'ロ 口囗',
  'ハ 八',
  'エ 工',
  'カ 力',
  'タ 夕',
  'ト 卜',
  'ノ 丿',
  'ヘ へ',
  'リ り',
  '日 曰',
];

const PROTOTYPES = new Map(
  TWINS.flatMap((line) => {
    const [prototype = '', twins = ''] = line.split(' ');
    return [...twins].map((twin) => [twin, prototype] as const);
  }),
);

/** Accents on alphabets, and the optional vowel points of Hebrew and Arabic; no vowel signs of Indic scripts, no voicing marks of kana. */
const ACCENTS = /[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670]/g;
/** A run of underscores looks like one line. */
const SEPARATOR_RUN = /([_.-])\1+/g;

/**
 * The skeleton of a canonical username (after UTS #39, 4): look-alike names have the same one. Only for comparisons, never shown. It
 * has at most twice as many code points as the name.
 */
export function lookAlikeKey(canonical: string): string {
  const bare = canonical.normalize('NFD').replace(ACCENTS, '');
  const letters = Array.from(bare, (letter) => PROTOTYPES.get(letter) ?? letter);
  return letters.join('').replace(SEPARATOR_RUN, '$1').normalize('NFC');
}
