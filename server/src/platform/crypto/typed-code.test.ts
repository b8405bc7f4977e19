import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { formatTypedCode, readTypedCode } from './typed-code.ts';

test('80 bits are 16 letters in groups of four, without letters that look alike', () => {
  assert.equal(formatTypedCode(Buffer.alloc(32)), '0000-0000-0000-0000');
  assert.equal(formatTypedCode(Buffer.alloc(32, 255)), 'ZZZZ-ZZZZ-ZZZZ-ZZZZ');
  assert.equal(formatTypedCode(Buffer.from('00443214c74254b635cf', 'hex')), '0123-4567-89AB-CDEF');
  for (let i = 0; i < 500; i++) assert.match(formatTypedCode(randomBytes(32)), /^(?:[0-9A-HJKMNP-TV-Z]{4}(?:-|$)){4}$/);
});

test('every bit of the first ten bytes counts', () => {
  for (let bit = 0; bit < 80; bit++) {
    const secret = Buffer.alloc(32);
    secret[bit >> 3] = 128 >> (bit & 7);
    assert.notEqual(formatTypedCode(secret), '0000-0000-0000-0000');
  }
});

test('is read as people type it', () => {
  const code = '01AB-CDEF-0123-WXYZ';
  for (const typed of [
    code,
    code.toLowerCase(),
    ` ${code}\n`,
    '01abcdef0123wxyz',
    'OLab cdef o1z3 wxyz'.replace('z3', '23'),
    '０１ＡＢ–ＣＤＥＦ–０１２３–ＷＸＹＺ',
    '\u202a01AB\u00a0CDEF\u200b0123 WXYZ\u202c',
    'oiab-cdef-ol23-wxyz',
  ]) {
    assert.equal(readTypedCode(typed), code, typed);
  }
  for (const wrong of ['', '01AB', `${code}0`, 'UUUU-UUUU-UUUU-UUUU', code.replace('A', 'B')])
    assert.notEqual(readTypedCode(wrong), code);
});
