import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLine, isParagraph, toCode, toPhone, toWebAddress, trimInvisible, trimText } from './typed-text.ts';

test('what shows nothing is taken off both ends, not from within', () => {
  for (const [typed, meant] of [
    ['\u202aann@example.com\u202c', 'ann@example.com'],
    ['\ufeff ann \u200b\r\n', 'ann'],
    ['\u2066\u00a0ann lee\u2069\u3164\u2800', 'ann lee'],
    ['a\u200bnn', 'a\u200bnn'],
    ['\u200b \u2060\ufe0f', ''],
    ['', ''],
  ] as const) {
    assert.equal(trimInvisible(typed), meant, JSON.stringify(typed));
  }
});

test('a text that is shown keeps the variation of its last character; nothing visible is null', () => {
  assert.equal(trimText(' Ann ❤\ufe0f \u200b'), 'Ann ❤\ufe0f');
  assert.equal(trimText('\u200f葛\u{e0100}'), '葛\u{e0100}');
  for (const nothing of ['', '   ', '\u200b', '\u3000\u00a0', '\u3164', '\u2800', '\ufe0f', '\n\t', '\u202e\u202c']) {
    assert.equal(trimText(nothing), null, JSON.stringify(nothing));
  }
});

test('a line shows all that it contains', () => {
  const lines = [
    'Ann Lee',
    '\u200e Ann Lee\u200b ',
    '王伟',
    'می\u200cخواهم',
    'ක්\u200dෂ',
    '👩\u200d🚀 Ann',
    '❤\ufe0f\u200d🔥',
  ];
  lines.push(
    '葛\u{e0100}城',
    '🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} Ann',
    '1\ufe0f\u20e3',
    'O’Neill',
    '',
  );
  lines.push('র\u200d্যাব', 'ರ\u200d್ಯ', 'ស\u200bខ');
  for (const line of lines) assert.ok(isLine(line), JSON.stringify(line));
  const hidden = [
    '\u202e',
    '\u202a',
    '\u2066',
    '\u200e',
    '\u061c',
    '\u200b',
    '\u200d',
    '\u2060',
    '\ufeff',
    '\u00ad',
    '\ufe0f',
  ];
  hidden.push('\u0000', '\n', '\u2028', '\u3164', '\u{e0041}', '\ufff9');
  for (const character of hidden) assert.ok(!isLine(`Ann${character}Lee`), JSON.stringify(character));
  for (const character of ['\u202a', '\u202e', '\u2066', '\u2069']) {
    for (const text of [`${character}Ann`, `Ann${character}`]) assert.ok(!isLine(text), JSON.stringify(text));
  }
});

test('a paragraph has line breaks and tabs, and no other control characters', () => {
  for (const text of ['a\r\nb\tc', 'שלום\u200f!', '👩\u200d🚀']) assert.ok(isParagraph(text), JSON.stringify(text));
  for (const text of ['a\u0000b', 'a\u001bb', 'a\u202eb']) assert.ok(!isParagraph(text), JSON.stringify(text));
});

test('a code is its digits, of any script, without separators', () => {
  for (const typed of [
    '123456',
    '123 456',
    '123-456',
    '123456\u00a0',
    '\u200e123\u2009456',
    '１２３４５６',
    '١٢٣٤٥٦',
    '१२३४५६',
  ]) {
    assert.equal(toCode(typed), '123456', JSON.stringify(typed));
  }
  for (const typed of ['۱۲۳۴۵۶', '๑๒๓๔๕๖', '\u{1d7d9}\u{1d7da}\u{1d7db}456', '123\u2011456', '“123456”.']) {
    assert.equal(toCode(typed), '123456', JSON.stringify(typed));
  }
  assert.equal(toCode('12a456'), '12a456');
  assert.equal(toCode(' '), '');
});

test('a phone number is E.164, however it was separated', () => {
  for (const typed of ['+442071234567', '+44 20 7123 4567', '\u202a+44 (20) 7123‑4567\u202c', '＋４４ 20.7123/4567']) {
    assert.equal(toPhone(typed), '+442071234567', JSON.stringify(typed));
  }
  for (const typed of ['', '020 7123 4567', '+0123456789', '+44', '+44 20 CALL ME NOW', '+1234567890123456']) {
    assert.equal(toPhone(typed), null, typed);
  }
});

test('a web address shows where it leads', () => {
  for (const address of [
    'https://ada.example.org',
    'http://a.example/x?y=1#z',
    'https://bücher.example/日本',
    'https://a/@b',
  ]) {
    assert.equal(toWebAddress(address), address);
  }
  assert.equal(toWebAddress(' \u200bhttps://ada.example.org\n'), 'https://ada.example.org');
  const refused = [
    'ada.example.org',
    'ftp://a',
    'javascript:alert(1)',
    'https:/a',
    'https://',
    'http://user:pw@a',
    'https://a@b',
  ];
  refused.push(
    'https://@a',
    'https://a:@b',
    'https://a.example\\@b',
    'https://a b',
    'https://a/\u202eb',
    'https://a\u200b.example',
  );
  refused.push(
    'https://a/\u202e',
    'https://a/\u0000',
    'https://a/\u00adb',
    'https://a/"',
    'https://[',
    'https://a:99999',
    '',
  );
  for (const address of refused) assert.equal(toWebAddress(address), null, JSON.stringify(address));
});
