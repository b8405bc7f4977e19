/**
 * What each letter or digit can be taken for, read "prototype, space, everything that looks like it". The keys are lower case
 * and without accents, which the skeleton removes first; a letter counts as a twin if it is one in either case, since a name
 * is shown as its owner wrote it (в is here for В and B). The facts follow the data of UTS #39, reduced to the scripts that a
 * user name may have, and made coarser where a person would not notice the difference at a glance (ø and o, ł and l, ь and b).
 *
 * Three sets are decided by ASCII alone: `0 o`, `1 i l` (a capital I is an l), and `m rn`, `w vv`, which stand as the longer
 * form. So `mark1` and `markl` collide, and so do `modern` and `modem`. Not here, because they are told apart in any
 * usable typeface: 5 and s, 2 and z, 8 and b, cl and d.
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
  // Arabic letters that differ only where they stand last, and digits that two series share.
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
  // The mark of Tamil's AU, also within ஔ, is drawn as LLA.
  'ள ௗ',
  // Two of one Thai vowel are drawn like the other.
  'เเ แ',
  // Kana and Han, which one name may mix.
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

/** Accents on alphabets and the optional vowel points of Hebrew and Arabic; not the vowel signs of Indic scripts, nor kana's voicing. */
const ACCENTS = /[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670]/g;
/** A row of underscores is one line to the eye. */
const SEPARATOR_RUN = /([_.-])\1+/g;

/**
 * The skeleton of a canonical user name (the idea of UTS #39, 4): two names that a person could take for each other have the
 * same one. It is for comparing only and never shown. At most twice as many code points as the name.
 */
export function lookAlikeKey(canonical: string): string {
  const bare = canonical.normalize('NFD').replace(ACCENTS, '');
  const letters = Array.from(bare, (letter) => PROTOTYPES.get(letter) ?? letter);
  return letters.join('').replace(SEPARATOR_RUN, '$1').normalize('NFC');
}
