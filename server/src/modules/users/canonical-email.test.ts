import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalEmail, dottedEmail } from './canonical-email.ts';

const SEED = 20261120;

test('spellings of one address have one canonical form', () => {
  const spellings: [string, string[]][] = [
    ['ann@example.com', ['ann@example.com', ' Ann@Example.COM ', 'ANN＠ｅｘａｍｐｌｅ．com', 'ann@example。com']],
    ['ann+tag@example.com', ['Ann+Tag@example.com']],
    [
      'a@xn--mnchen-3ya.de',
      ['a@münchen.de', 'A@MÜNCHEN.DE', 'a@mu\u0308nchen.de', 'a@xn--mnchen-3ya.de', 'a@XN--MNCHEN-3YA.de'],
    ],
    ['a@xn--fa-hia.de', ['a@faß.de']],
    [
      'ann@example.com',
      ['\u202aann@example.com\u202c', '\ufeffann@example.com\u200b', '\u2068ANN@example.com\u2069\r\n'],
    ],
    [
      'ismail@gmail.com',
      ['İsmail@gmail.com', 'İSMAİL@GMAİL.COM', 'I\u0307smail@gmail.com', 'i\u0307smail@gmai\u0307l.com'],
    ],
    ['jörg@example.com', ['JÖRG@example.com', 'jo\u0308rg@example.com']],
    ["o'neil!#$%&*+/=?^_`{|}~-@example.com", ["O'Neil!#$%&*+/=?^_`{|}~-@example.com"]],
  ];
  for (const [canonical, inputs] of spellings) {
    for (const input of inputs) assert.equal(canonicalEmail(input), canonical, input);
  }
});

test('what is not one plain address is refused', () => {
  const refused = [
    '',
    '@',
    'ann',
    'ann@',
    '@example.com',
    'ann@localhost',
    'ann@example',
    'ann@@example.com',
    'ann@example.com@evil.com',
    'ann@example.com＠evil.com',
    'ann@example.com, bob@example.com',
    'ann@example.com;bob@example.com',
    'Ann <ann@example.com>',
    '<ann@example.com>',
    'ann(comment)@example.com',
    '"ann"@example.com',
    '"ann bob"@example.com',
    'ann bob@example.com',
    'ann\\@example.com',
    '.ann@example.com',
    'ann.@example.com',
    'an..n@example.com',
    'ann@example..com',
    'ann@.example.com',
    'ann@example.com.',
    'ann@-example.com',
    'ann@example-.com',
    'ann@exa_mple.com',
    'ann@example.1',
    'ann@127.0.0.1',
    'ann@0x7f.1',
    'ann@[127.0.0.1]',
    'ann@example.com:25',
    'ann@example.com/path',
    'ann@example.com?x',
    'ann@ex%61mple.com',
    'ann\u0000@example.com',
    'a\u200bnn@example.com',
    'a\u202enn@example.com',
    'ann@exa\u00admple.com',
    'ann@example.com\r\nBcc: bob@example.com',
    'ann\r\n@example.com',
    'ann@example.com\u2028Bcc',
    `${'a'.repeat(65)}@example.com`,
    `${'é'.repeat(33)}@example.com`,
    `ann@${'a'.repeat(64)}.com`,
    `ann@${'a.'.repeat(126)}com`,
    'a'.repeat(1_000_000),
  ];
  for (const input of refused) assert.equal(canonicalEmail(input), null, JSON.stringify(input.slice(0, 80)));
});

test('an account that kept the second dot of its İ is still found by it', () => {
  assert.equal(dottedEmail('İsmail@example.com'), 'i\u0307smail@example.com');
  assert.equal(dottedEmail('i\u0307smail@example.com'), 'i\u0307smail@example.com');
  for (const other of ['ismail@example.com', 'jörg@example.com', 'nobody', '']) assert.equal(dottedEmail(other), null);
});

test('the limits of RFC 5321 are met exactly', () => {
  const local = 'a'.repeat(64);
  const domain = `${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(57)}.com`;
  assert.equal(canonicalEmail(`${local}@${domain}`)?.length, 254);
  assert.equal(canonicalEmail(`${local}@e${domain}`), null);
});

test('a canonical form is its own canonical form and can be put into a header', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.constantFrom(
      'a',
      'İ',
      'ẞ',
      'Σ',
      'ﬁ',
      '.',
      '-',
      '+',
      'xn--',
      'xn--mnchen-3ya',
      'ü',
      '。',
      '\u0307',
      '\u200d',
      '日本',
    ),
  );
  const input = fc.oneof(
    fc.emailAddress(),
    fc.tuple(piece, piece, piece, piece).map(([a, b, c, d]) => `${a}${b}@${c}${d}.com`),
    fc.tuple(piece, piece).map(([a, b]) => `${a}@${b}`),
  );
  let accepted = 0;
  fc.assert(
    fc.property(input, (text) => {
      const canonical = canonicalEmail(text);
      if (canonical === null) return;
      accepted++;
      assert.equal(canonicalEmail(canonical), canonical);
      assert.equal(canonicalEmail(` ${canonical}\n`), canonical);
      assert.match(canonical, /^[^\s\p{Cc}\p{Cf}@"(),:;<>[\]\\]+@[a-z0-9.-]+$/u);
    }),
    { seed: SEED, numRuns: 5000 },
  );
  assert.ok(accepted > 500, `only ${accepted} of the inputs were addresses`);
});
