import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteRange } from './byte-range.ts';
import { beginsAs, servedType } from './file-types.ts';
import { dispositionOf, LARGEST_FILE, MOST_PARTS, partSizeFor, partSizes } from './names.ts';

const MIB = 1024 ** 2;

test('a disposition is one header field, whatever the file is called', () => {
  for (const [filename, expected] of [
    ['a.txt', `attachment; filename="a.txt"; filename*=UTF-8''a.txt`],
    ['a "b" \\c%41.txt', `attachment; filename="a _b_ _c_41.txt"; filename*=UTF-8''a%20%22b%22%20%5Cc%2541.txt`],
    ["it's (1)*.pdf", `attachment; filename="it's (1)*.pdf"; filename*=UTF-8''it%27s%20%281%29%2A.pdf`],
    ['李.txt', `attachment; filename="_.txt"; filename*=UTF-8''%E6%9D%8E.txt`],
    ['a\r\nSet-Cookie: b', `attachment; filename="a__Set-Cookie: b"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20b`],
    ['\ud800.txt', `attachment; filename="_.txt"; filename*=UTF-8''%EF%BF%BD.txt`],
  ] as const) {
    assert.equal(dispositionOf(filename), expected);
    assert.match(dispositionOf(filename), /^[\x20-\x7e]+$/);
  }
});

test('parts are as few and as alike as S3 wants them, and together the whole', () => {
  for (const size of [1, 8 * MIB, 8 * MIB + 1, 80_000 * MIB, 80_000 * MIB + 1, LARGEST_FILE]) {
    const partSize = partSizeFor(size);
    const sizes = partSizes({ size, partSize });
    assert.ok(sizes.length <= MOST_PARTS, `${size}: ${sizes.length} parts`);
    assert.equal(
      sizes.reduce((sum, part) => sum + part, 0),
      size,
    );
    assert.ok(sizes.slice(0, -1).every((part) => part === partSize && part >= 5 * MIB));
    assert.equal(partSize % MIB, 0);
  }
});

test('a range is one that can be satisfied, or everything', () => {
  for (const [header, size, expected] of [
    ['bytes=0-0', 5, { start: 0, end: 0 }],
    ['bytes=2-', 5, { start: 2, end: 4 }],
    ['bytes=-2', 5, { start: 3, end: 4 }],
    ['bytes=-9', 5, { start: 0, end: 4 }],
    ['bytes=3-99', 5, { start: 3, end: 4 }],
    ['bytes=5-', 5, null],
    ['bytes=3-2', 5, null],
    ['bytes=-0', 5, null],
    ['bytes=0-', 0, null],
    ['bytes=0-1,3-4', 5, null],
    ['bytes=-', 5, null],
    ['lines=0-1', 5, null],
    [undefined, 5, null],
  ] as const) {
    assert.deepEqual(byteRange(header, size), expected, `${header} of ${size}`);
  }
});

test('files of known types begin as such; what could run is only bytes', () => {
  const bytes = (text: string) => Buffer.from(text, 'latin1');
  for (const [type, beginning, expected] of [
    ['image/png', '\x89PNG\r\n\x1a\n....', true],
    ['IMAGE/PNG; charset=x', '\x89PNG\r\n\x1a\n', true],
    ['image/png', '<script>', false],
    ['image/png', '', false],
    ['image/webp', 'RIFF\0\0\0\0WEBP', true],
    ['image/webp', 'RIFF\0\0\0\0WAVE', false],
    ['application/pdf', '%PDF-1.7', true],
    ['application/pdf', ' %PDF-1.7', false],
    ['video/mp4', '\0\0\0\x20ftypisom', true],
    ['text/html', 'anything', true],
    ['application/x-thing', '', true],
  ] as const) {
    assert.equal(beginsAs(type, bytes(beginning)), expected, `${type} ${beginning}`);
  }
  for (const type of ['image/png', 'video/mp4', 'audio/mpeg', 'application/pdf', 'text/plain; charset=utf-8']) {
    assert.equal(servedType(type), type);
  }
  const running = [
    'text/html',
    'TEXT/HTML',
    'image/svg+xml',
    'text/xml',
    'application/javascript',
    'text/plain2',
    'a/b',
  ];
  for (const type of running) assert.equal(servedType(type), 'application/octet-stream', type);
});
