import assert from 'node:assert/strict';
import { test } from 'node:test';
import { base64Noise } from '../../../test/noise.ts';
import { KEY_PATTERN, parseKey } from './key-format.ts';

const SCANNER = new RegExp(KEY_PATTERN, 'g');

test('a gigabyte of noise in base64 has no key in it, even where somebody put its beginning', () => {
  let candidates = 0;
  for (const chunk of base64Noise({ seed: 20261121, megabytes: 1024 })) {
    assert.equal(SCANNER.test(chunk), false);
    // The pattern alone cannot tell noise behind a planted prefix; the checksum can.
    for (let at = 0; at + 71 <= chunk.length; at += 4096) {
      const body = chunk.slice(at, at + 71);
      if (!/^[0-9A-Za-z]{71}$/.test(body)) continue;
      candidates += 1;
      assert.equal(parseKey(`ost_pat_${body}`), null);
    }
  }
  assert.ok(candidates > 10_000, `${candidates}`);
});
