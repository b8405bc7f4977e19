import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import { test } from 'node:test';
import { madeWithPython, published } from '../../platform/crypto/hash-formats/vectors.ts';
import { createPasswordHasher } from '../../platform/crypto/password-hasher.ts';
import { toKnownHash } from './password-formats.ts';

test('every format of the vectors is known, stays as it is, and has a family', () => {
  const families = new Set<string>();
  for (const { name, stored } of [...madeWithPython, ...published]) {
    const known = toKnownHash(stored);
    assert.ok('stored' in known, name);
    assert.equal(known.stored, stored, name);
    families.add(known.family);
  }
  assert.deepEqual([...families].sort(), [
    'argon2',
    'asp.net identity',
    'bcrypt',
    'firebase scrypt',
    'pbkdf2',
    'phpass',
    'scrypt',
    'ssha',
    'wordpress bcrypt',
  ]);
});

test('a hash of better-auth is verified once it is stored, and so is one with a scheme before it', async () => {
  const hasher = createPasswordHasher({ memory: 8, passes: 1 });
  const salt = '00112233445566778899aabbccddeeff';
  // As better-auth documents it: the text of the salt, N = 16384, r = 16, p = 1, 64 bytes.
  const digest = scryptSync('pässword', salt, 64, { N: 16384, r: 16, p: 1, maxmem: 64 * 1024 * 1024 });
  const known = toKnownHash(`${salt}:${digest.toString('hex')}`);
  assert.ok('stored' in known);
  assert.deepEqual(await hasher.verify('pässword', known.stored), { ok: true, upgrade: true });
  assert.deepEqual(await hasher.verify('password', known.stored), { ok: false, upgrade: false });

  const { password, stored } = published.find(({ name }) => name === 'John the Ripper: bcrypt') ?? assert.fail();
  const wrapped = toKnownHash(`{bcrypt}${stored}`);
  assert.deepEqual(wrapped, { stored, family: 'bcrypt' });
  assert.deepEqual(await hasher.verify(password, stored), { ok: true, upgrade: true });
});

test('no hash is none; what is no hash is told without repeating it', () => {
  for (const none of [null, '', '  ', '!', '!Zq0W3JXb', '*', '*0']) assert.deepEqual(toKnownHash(none), { none: true });
  const told = {
    'walks the dog at seven': 'no form of a hash at all',
    hunter2: 'no form of a hash at all',
    '5f4dcc3b5aa765d61d8327deb882cf99': '32 hexadecimal digits',
    '$1$abcdefgh$0123456789abcdefghijk.': '$1$…',
    $2b$31$abcdefghijklmnopqrstuuKtPzLr5k8g4ww3e2ip28ID6lLn6mQBq: '$2b$…',
    md5$salt$0123456789abcdef0123456789abcdef: 'md5$…',
    '{MD5}X03MO1qnZdYdgyfeuILPmQ==': '{MD5}…',
    pa$word: 'no form of a hash at all',
  };
  for (const [raw, form] of Object.entries(told)) assert.deepEqual(toKnownHash(raw), { unknown: form });
});
