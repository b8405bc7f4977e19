import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalUsername } from './canonical-username.ts';

const SEED = 20261120;
const keyOf = (name: string): string => {
  const result = canonicalUsername(name);
  assert.ok(result, `${name} was refused`);
  return result.key;
};

test('names of all kinds of writing are accepted and kept as they were written', () => {
  const names = [
    'Ann',
    'a.b-c_d',
    '12345',
    'Øystein',
    'Nguyễn',
    'İstanbul',
    'Анна',
    'Ελένη',
    'Արմեն',
    'გიორგი',
    'שלום',
    'محمد',
    'م123',
  ];
  names.push(
    'मनीष',
    'हिन्दी',
    'आशा',
    'भाई',
    'আনা',
    'ਇਕਾ',
    'ஔவை',
    'ආශා',
    'হাসান',
    'தமிழ்',
    'สมชาย',
    'ມະນີ',
    'አበበ',
    '山田太郎',
    'やまだ太郎',
    'カタカナー',
    '김철수',
    '小明ㄅ',
    'हरि१२',
  );
  for (const name of names) assert.equal(canonicalUsername(name)?.display, name.normalize('NFKC'), name);
});

test('width, case and composition make no other name', () => {
  for (const name of ['Jose\u0301', 'JOSÉ', 'ｊｏｓé', ' josé '])
    assert.equal(canonicalUsername(name)?.canonical, 'josé');
  assert.equal(canonicalUsername('ﬁsh')?.canonical, 'fish');
  assert.equal(canonicalUsername('\u{1d41a}\u{1d41b}\u{1d41c}')?.canonical, 'abc');
});

test('two characters are a name in scripts whose names have two', () => {
  for (const name of ['王伟', '小明', '김철', 'あい', 'リー', 'ﾀﾛ', '佐々']) {
    assert.equal(canonicalUsername(name)?.display, name.normalize('NFKC'), name);
  }
  for (const name of ['王', '王1', '1王', '王a', '王_', 'ab', 'аб', 'ーー', '王\u0301', '김', 'กข']) {
    assert.equal(canonicalUsername(name), null, name);
  }
});

test('what shows nothing at the ends is no part of a name', () => {
  for (const name of ['\u202aann\u202c', '\ufeffann', 'ann\u200b\u00a0', 'ann\u202e', '\u2068ann\u2069\n']) {
    assert.equal(canonicalUsername(name)?.display, 'ann', JSON.stringify(name));
  }
});

test('İ is an i, also where it was put into lower case before', () => {
  for (const name of ['İsmail', 'I\u0307smail', 'i\u0307smail', 'ismail', 'İSMAİL']) {
    assert.equal(canonicalUsername(name)?.canonical, 'ismail', name);
  }
  assert.equal(canonicalUsername('İsmail')?.display, 'İsmail');
});

test('what is no name is refused', () => {
  const refused = [
    '',
    'ab',
    'x'.repeat(33),
    'x'.repeat(1_000_000),
    'ann@example.com',
    'ann＠x',
    'ad min',
    'ad\tmin',
    'ad\u0000min',
    'ad/min',
    'ad<min>',
    '_ann',
    'ann.',
    '-ann',
    '\u0301ann',
    'ann_\u0301x',
    // Invisible: zero width, bidi, soft hyphen, variation selector, fillers.
    ...[
      'ad\u200bmin',
      'ad\u200dmin',
      'ad\u202emin',
      'ad\u00admin',
      'ad\ufe0fmin',
      'ad\u2060min',
      '\u3164\u3164\u3164',
      '\u115f\u1160\u115f',
    ],
    // Scripts mixed.
    ...['аdmin', 'pаypal', 'αlpha', 'annа', 'abcあ', '김かな', 'שלוםabc', 'ㄅかな'],
    // Scripts whose look-alikes are not known here, phonetic letters, clicks, loose jamo.
    ...['ᏣᎳᎩ', 'ꓐꓑꓒ', 'ᴀᴅᴍɪɴ', 'abǃc', 'ㅋㅋㅋ'],
    // Marks: overlays, towers, twice the same, enclosing.
    ...['abc\u0338', 'ab\u035fc', 'a\u0323\u0330\u0331\u0324bc', 'e\u0331\u0331bc', 'abc\u20dd'],
    // Right to left that begins with a digit; two series of digits.
    ...['123م', '٣محمد', 'محم١2', 'م١۲٣', 'हरि१2'],
    // An independent vowel with a sign after it is drawn like another vowel.
    ...['अाशा', 'एेनी', 'भार्इ', 'অানা', 'ੲਿਕਾ', 'અાશા', 'ଅାଶା', 'ఒౌకక', 'ಒೌಕಕ', 'ഇൗഗഗ', 'අාසා'],
    'محـمد',
    '😀😀😀',
    'abc😀',
  ];
  for (const name of refused) assert.equal(canonicalUsername(name), null, JSON.stringify(name.slice(0, 60)));
});

test('names that look alike share a key', () => {
  const groups = [
    ['mark1', 'markl', 'MarkI', 'rnark1', 'MARK1'],
    ['modern', 'modem'],
    ['bob', 'b0b', 'BOB', 'вов'],
    ['paypa', 'раура', 'PAYPA'],
    ['vvind', 'wind', 'vvlnd'],
    ['admin', 'ádmin', 'ạdmın', 'ɑdmin'],
    ['coco', 'сосо', 'c0c0'],
    ['ooo', 'οοο', 'օօօ', 'ססס', 'ооо', '000'],
    ['ABK', 'АВК', 'ΑΒΚ', 'авк'],
    ['a_b', 'a__b', 'a___b'],
    ['istanbul', 'İstanbul', 'ıstanbul'],
    ['แดง', 'เเดง'],
    ['カタカナ', 'カタ力ナ'],
    ['علی', 'علي'],
    ['øre', 'ore', '0re'],
    ['dali', 'ȡali', 'daʟi'],
    ['lint', 'ȴiȵȶ', 'ʟint'],
    ['adzo', 'aʣo', 'aʥo'],
    ['жанчик', 'җанчик', 'жанҷик', 'жанӌиқ'],
    ['мила', 'миӆа', 'миԓа', 'мҋла'],
    ['גוון', 'גװן'],
    ['הודיי', 'הודײ'],
    ['ٱمین', 'امين'],
    ['ஔவை', 'ஒளவை'],
    ['கௌரி', 'கெளரி'],
  ];
  for (const [first = '', ...others] of groups) {
    for (const other of others) assert.equal(keyOf(other), keyOf(first), `${other} and ${first}`);
  }
});

test('names that can be told apart have keys of their own', () => {
  const names = [
    'ann',
    'anna',
    'a.nn',
    'a-nn',
    'a_nn',
    'a5h',
    'ash',
    'dan',
    'clan',
    'a8b',
    'abb',
    'a2b',
    'azb',
    'иван',
    'ivan',
    'がくせい',
    'かくせい',
  ];
  names.push('マナブ', '山田太', '山日太', 'मनी', 'मना', 'λόγος', 'nina', 'mimi', '김철수', '김철우');
  assert.equal(new Set(names.map(keyOf)).size, names.length);
});

test('a Greek name that reads as Latin is shown in lower case, where its key says what it looks like', () => {
  assert.equal(canonicalUsername('ΝΙΚΕ')?.display, 'νικε');
  assert.equal(keyOf('ΝΙΚΕ'), keyOf('vike'));
  assert.equal(canonicalUsername('Ελένη')?.display, 'Ελένη');
});

test('canonical forms are fixed points, within their limits', () => {
  const alphabets = [
    'abcIl10mnrvwGQß',
    'ÀéİıøŁđñǅﬁ',
    'абвгнкмтуАВЕНК',
    'αβηνυμΣσςΝΗ',
    'אבוסן',
    'ابهکی٥۵',
    'मनीष१',
    'แเดง๐',
    '山カかー一ノ',
    '김철수',
    '_.-',
  ];
  const unit = fc.oneof(
    ...alphabets.map((letters) => fc.constantFrom(...letters)),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
    fc.constantFrom('\u0301', '\u0307', '\u0323', '\u200d'),
  );
  const oneScript = fc.oneof(
    ...alphabets.map((letters) =>
      fc.string({ unit: fc.constantFrom(...letters, 'ﬃ', '1'), minLength: 2, maxLength: 34 }),
    ),
  );
  let accepted = 0;
  fc.assert(
    fc.property(fc.oneof(oneScript, fc.string({ unit, minLength: 1, maxLength: 6 })), (text) => {
      const name = canonicalUsername(text);
      if (name === null) return;
      accepted++;
      for (const form of [name.canonical, name.display]) {
        const again = canonicalUsername(form);
        assert.equal(again?.canonical, name.canonical);
        assert.equal(again?.key, name.key);
      }
      assert.equal(canonicalUsername(name.canonical)?.display, name.canonical);
      const length = Array.from(name.canonical).length;
      assert.ok(length >= (/^[\p{scx=Han}\p{scx=Hangul}\p{scx=Hira}\p{scx=Kana}]+$/u.test(name.canonical) ? 2 : 3));
      assert.ok(length <= 32);
      assert.ok(Array.from(name.key).length <= 64);
      assert.doesNotMatch(name.display, /[@\s\p{Cc}\p{Cf}<>"&]/u);
    }),
    { seed: SEED, numRuns: 5000 },
  );
  assert.ok(accepted > 1000, `only ${accepted} of the inputs were names`);
});
