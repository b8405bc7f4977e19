import assert from 'node:assert/strict';
import { test } from 'node:test';
import { base64Noise } from '../../../test/noise.ts';
import { newId } from '../../platform/ids.ts';
import { hashOfKey, KEY_FORM, KEY_KINDS, KEY_PATTERN, newKey, parseKey, startOfKey } from './key-format.ts';

const SCANNER = new RegExp(`(?<![0-9A-Za-z_])${KEY_PATTERN}(?![0-9A-Za-z_])`, 'g');
const AT = new Date('2026-11-20T12:00:00.000Z');

test('of 10,000 keys each has the published pattern, its own id back, and one beginning with it', () => {
  const seen = new Set<string>();
  for (let i = 0; i < 10_000; i++) {
    const kind = KEY_KINDS[i % KEY_KINDS.length] ?? assert.fail();
    const id = newId(new Date(AT.getTime() + i * 977));
    const key = newKey(kind, id);
    assert.deepEqual(`a line with ${key}.`.match(SCANNER), [key]);
    assert.deepEqual(parseKey(key), { kind, id });
    assert.ok(key.startsWith(startOfKey(kind, id)));
    assert.ok(KEY_FORM.matches(key));
    seen.add(key);
  }
  assert.equal(seen.size, 10_000);
});

test('the lowest and the highest id and secret have their place', () => {
  for (const id of ['00000000-0000-7000-8000-000000000000', 'ffffffff-ffff-7fff-bfff-ffffffffffff']) {
    assert.equal(parseKey(newKey('pat', id))?.id, id);
  }
});

test('a key that lost, got or changed a character is none', () => {
  const key = newKey('svc', newId(AT));
  for (let cut = 1; cut <= key.length; cut++) {
    assert.equal(parseKey(key.slice(0, -cut)), null, `${cut} fewer at the end`);
    assert.equal(parseKey(key.slice(cut)), null, `${cut} fewer at the beginning`);
    assert.equal(parseKey(key + key.slice(0, cut)), null, `${cut} more`);
  }
  for (let place = 0; place < key.length; place++) {
    for (const other of ['0', 'z', '_', ' ', '\n']) {
      if (key[place] === other) continue;
      const changed = key.slice(0, place) + other + key.slice(place + 1);
      assert.equal(parseKey(changed), null, changed);
    }
  }
  for (const kind of KEY_KINDS) if (kind !== 'svc') assert.equal(parseKey(key.replace('svc', kind)), null);
  for (const bad of ['', 'ost_', `${key}\n`, ` ${key}`, key.toUpperCase(), 'ost_pat_'.padEnd(79, 'z')]) {
    assert.equal(parseKey(bad), null, bad);
  }
});

test('noise in base64 has no key in it', () => {
  for (const chunk of base64Noise({ seed: 20261120, megabytes: 4 })) {
    assert.equal(SCANNER.test(chunk), false);
    assert.equal(chunk.includes('ost_pat_'), false);
  }
});

test('the hash is of the whole key', () => {
  const [one, two] = [newKey('pat', newId(AT)), newKey('pat', newId(AT))];
  assert.match(hashOfKey(one), /^[\w-]{43}$/);
  assert.notEqual(hashOfKey(one), hashOfKey(two));
});
