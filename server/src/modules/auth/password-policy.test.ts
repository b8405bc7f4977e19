import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../platform/errors.ts';
import { isCommonPassword } from './common-passwords.ts';
import { passwordErrors } from './errors.ts';
import { createPasswordPolicy } from './password-policy.ts';
import type { PersonalData } from './personal-parts.ts';

const policy = createPasswordPolicy({ minLength: 8, breached: null });

/** The code that a password is refused with, or null. */
async function refusal(password: string, person: PersonalData = {}, using = policy): Promise<string | null> {
  try {
    await using.check(password, person);
    return null;
  } catch (error) {
    assert.ok(error instanceof AppError);
    assert.equal(error.status, 400);
    return error.code;
  }
}

/** So many characters after `first`, without repetitions or runs. */
function varied(length: number, first: string): string {
  const from = first.codePointAt(0) ?? 0;
  return Array.from({ length }, (_, i) => String.fromCodePoint(from + ((i * i + 7 * i) % 26))).join('');
}

test('the four refusals are 400', () => {
  assert.deepEqual(Object.keys(passwordErrors.table), [
    'password_too_short',
    'password_too_long',
    'password_common',
    'password_context',
  ]);
  assert.ok(Object.values(passwordErrors.table).every(({ status }) => status === 400));
});

test('length counts characters, not bytes or UTF-16 units, of the form that is hashed', async () => {
  assert.equal(await refusal('vq7#kzw'), 'password_too_short');
  assert.equal(await refusal('vq7#kzwx'), null);
  assert.equal(await refusal('🐎🔋📎🦊🌵🎲🧭'), 'password_too_short');
  assert.equal(await refusal('🐎🔋📎🦊🌵🎲🧭🪁'), null);
  // Eight code units, seven characters once composed.
  assert.equal(await refusal('vq7kzwA\u030a'), 'password_too_short');
  // Two characters typed, eight hashed: ⑽ is `(10)`.
  assert.equal(await refusal('⑽⑾'), null);
  assert.equal(await refusal('', {}), 'password_too_short');
});

test('from 73 bytes to 1,024 characters it may be anything, beyond it is too long', async () => {
  assert.equal(await refusal(varied(73, 'a')), null);
  assert.equal(await refusal(varied(1024, 'a')), null);
  assert.equal(await refusal(varied(1025, 'a')), 'password_too_long');
  assert.equal(await refusal(varied(1024, '🌀')), null);
  assert.equal(await refusal(varied(1025, '🌀')), 'password_too_long');
  assert.equal(await refusal(`${varied(1023, 'a')}A\u030a`), null);
  // ﷺ is one character and eighteen in NFKC.
  assert.equal(await refusal('\ufdfa'.repeat(57)), 'password_too_long');
});

test('the length is the configured one', async () => {
  const strict = createPasswordPolicy({ minLength: 15, breached: null });
  assert.equal(await refusal('fourteen chars', {}, strict), 'password_too_short');
  assert.equal(await refusal('fifteen chars !', {}, strict), null);
});

test('the forms of one character are one password to the policy too', async () => {
  const person = { fullName: 'Ångström' };
  for (const form of [
    '\u00c5ngstr\u00f6m-7',
    'A\u030angstro\u0308m-7',
    '\u212bngstr\u00f6m-7',
    '\uff21\u030angstr\u00f6m-7',
  ]) {
    assert.equal(await refusal(form, person), 'password_context', form);
  }
});

test('no composition rules', async () => {
  for (const fine of ['zwqvkxjy', '83650274', 'plain words apart', 'ÆøÅ blåbær', '日本語のとても長い合言葉'].map(
    (text) => text.padEnd(8, 'ø'),
  )) {
    assert.equal(await refusal(fine), null, fine);
  }
});

test('lone surrogates, NUL and control characters do not make it throw anything else', async () => {
  for (const odd of [
    '\ud800\udbff\ud812\udbfa\ud801\udbf1\ud834\udbff',
    'axc\udfffdzfgq',
    '\0\u0007\0\u001b\u0003\0\u0010\u0005',
    '\n\t"\\\n\r"\n',
  ]) {
    assert.equal(
      await refusal(odd, { email: '\ud800@\udfff.x', username: '\ud83d', fullName: '\0', phone: '"' }),
      null,
    );
  }
});

test('common passwords are refused in any case', async () => {
  for (const common of ['12345678', 'password', 'PassWord', 'QWERTYUIOP', 'iloveyou1', 'password123', '1q2w3e4r']) {
    assert.equal(await refusal(common), 'password_common', common);
  }
});

test('common passwords are refused with look-alikes, accents, full-width letters and ornaments', async () => {
  for (const common of [
    'P@ssw0rd',
    'pa$$word',
    'Pássword',
    'ｐａｓｓｗｏｒｄ',
    'dragon2024',
    'Dragon24!',
    'm1chael1987',
    '5unshine!!',
    'Password123!',
    'l3tm31n2025',
  ]) {
    assert.equal(await refusal(common), 'password_common', common);
  }
});

test('a common word inside a longer password, or with a longer ending, is not common', async () => {
  for (const fine of [
    'dragon 5820374',
    'dragonfly lantern',
    'my password is nice',
    'correct horse battery staple',
    'Tr0ub4dor&3x',
  ]) {
    assert.equal(await refusal(fine), null, fine);
  }
});

test('repetitions and runs are judged by their unit', async () => {
  for (const weak of [
    ...[
      'aaaaaaaa',
      '        ',
      '\t\t\t\t\t\t\t\t',
      '🙂🙂🙂🙂🙂🙂🙂🙂',
      'аааааааа',
      'aAaAaAaA',
      'ａａａａａａａａ',
      'x'.repeat(1024),
    ],
    ...[
      'qwertyqwerty',
      'Qwerty-qwerty',
      'qwerty qwerty',
      'passwordpassword',
      'Password PASSWORD',
      'sunflowersunflower',
    ],
    ...[
      'abababab',
      'abcabcabc',
      'vq7#kvq7#k',
      'vq7#kvq7#kvq7#',
      '12341234',
      'a1a1a1a1a1',
      'horsehorse',
      'horsehorse24!',
      'xabcabcabc',
    ],
    ...['aaaabbbb', 'aaaaaaaa1!', 'aaabbbccc', '1111 2222 3333', 'qwertyqwerty99', 'passwordpassword1'],
    ...[
      'abcdefgh',
      'hgfedcba',
      'zyxwvuts',
      'abcdefgh12345678',
      'abcdefghabcdefgh',
      'poiuytre',
      'asdfghjkl;',
      'qwertzuiop',
      'azertyuiop',
    ],
    ...['йцукенгшщ', 'абвгдежз', 'あいうえお'.repeat(3), '\u{10ffff}'.repeat(9)],
  ]) {
    assert.equal(await refusal(weak), 'password_common', JSON.stringify(weak));
  }
  for (const fine of [
    'zwqvkxjyzwqvkxjy',
    'balloons and hammocks',
    'vq7#kzww',
    'tomtom tram tram x',
    'mississippi steamboat',
    'x1234 zebra quilt',
    'aaa-battery drawer',
    '2026-11-30 harbour',
  ]) {
    assert.equal(await refusal(fine), null, fine);
  }
  const strict = createPasswordPolicy({ minLength: 15, breached: null });
  assert.equal(await refusal('zwqvkxjyzwqvkxjy', {}, strict), null);
});

test('every word of the list is found, and the file is the plain JSON that the search relies on', () => {
  const file = fileURLToPath(import.meta.resolve('@zxcvbn-ts/language-common/src/passwords.json'));
  const text = readFileSync(file, 'latin1').trim();
  const words: string[] = JSON.parse(text);
  assert.equal(JSON.stringify(words), text);
  assert.match(text, /^[ -~]+$/);
  assert.doesNotMatch(text, /\\/);
  assert.ok(words.length > 40_000);
  // Each search reads up to the word, so a sample: the first, every 97th and the last.
  for (const word of [...words.filter((_, index) => index % 97 === 0), ...words.slice(-1)]) {
    assert.ok(isCommonPassword(word), word);
    assert.ok(isCommonPassword(`${word}1`.toUpperCase()), word);
  }
});

const ada: PersonalData = {
  email: 'ada.sundqvist+work@analytical-engine.co.uk',
  username: 'wharfling_42',
  fullName: 'Augusta Ada King-Noel',
  phone: '+44 7911 123456',
};

test('a password that is made of the own data is refused', async () => {
  for (const made of [
    'sundqvist1',
    'ada.sundqvist',
    'adasundqvist!',
    'ada.sundqvist+work@analytical-engine.co.uk',
    'Analytical2024',
    'analyticalengine',
    'engine-engine',
    'wharfling_42',
    'Wharfling!!',
    'AugustaKing',
    'AugustaAdaKingNoel',
    'king+noel+king',
    '447911123456',
    '07911123456',
    'pin:123456',
    'Ostiary1!',
    '0st1ary-2026',
    'ostiaryostiary',
    '5undqv1st...',
    'SUNDQVISTsundqvist',
    'Sündqvist-99',
  ]) {
    assert.equal(await refusal(made, ada), 'password_context', made);
  }
});

test('own data beside enough else is allowed, and so is it for somebody else', async () => {
  assert.equal(await refusal('sundqvist-qz7vwkt', ada), null);
  assert.equal(await refusal('sundqvist-qz7vwk', ada), 'password_context');
  assert.equal(await refusal('the ostiary keeps doors', ada), null);
  assert.equal(await refusal('sundqvist1', {}), null);
  assert.equal(await refusal('uk.co.wharf', ada), null);
});

test('parts shorter than four characters count only as the whole password', async () => {
  const short = createPasswordPolicy({ minLength: 3, breached: null });
  const li = { username: 'liw', fullName: 'Li Wei' };
  assert.equal(await refusal('l1w', li, short), 'password_context');
  assert.equal(await refusal('wei-qz', li, short), null);
  assert.equal(await refusal('LiWei', li, short), 'password_context');
  assert.equal(await refusal('ada-qzvw', ada), null);
});

test('what stands around a cut does not join into another part', async () => {
  assert.equal(await refusal('love' + 'countess' + 'lace', { username: 'countess', fullName: 'Lovelace' }), null);
});

test('missing, null and malformed data are no obstacle', async () => {
  for (const person of [
    {},
    { username: null, fullName: null, phone: null },
    { email: '' },
    { email: '@' },
    { email: 'a@b' },
  ]) {
    assert.equal(await refusal('vq7#kzwx', person), null);
  }
  assert.equal(await refusal('localpart7', { email: 'localpart' }), 'password_context');
});

test('data of the greatest length and a password of the greatest length are decided', async () => {
  const person = {
    email: `${'a.'.repeat(120)}x@${'b'.repeat(60)}.org`,
    fullName: 'Ann '.repeat(100),
    phone: '1'.repeat(32),
  };
  assert.equal(await refusal(varied(1024, 'A'), person), null);
  assert.equal(await refusal('1'.repeat(1024), person), 'password_context');
});
