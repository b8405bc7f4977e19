import assert from 'node:assert/strict';
import { argon2Sync } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { AppError } from '../errors.ts';
import { bcryptOf73, madeWithPython, ofNfkcForm, ofRawForm, published, slashed } from './hash-formats/vectors.ts';
import { createPasswordHasher } from './password-hasher.ts';

/** As cheap as argon2id goes. */
const cheap = { memory: 8, passes: 1 };
const NO = { ok: false, upgrade: false };
const YES = { ok: true, upgrade: false };
const YES_UPGRADE = { ok: true, upgrade: true };

for (const { name, password, stored } of [...madeWithPython, ...published]) {
  test(`verifies, and wants upgraded: ${name}`, async () => {
    const hasher = createPasswordHasher(cheap);
    assert.deepEqual(await hasher.verify(password, stored), YES_UPGRADE);
    assert.deepEqual(hasher.stats(), { active: 0, queued: 0, hashes: 1 });
    assert.deepEqual(await hasher.verify(`${password}!`, stored), NO);
  });
}

test('processes that share the cores compute one at a time each, when there are as many', async () => {
  const hasher = createPasswordHasher({ ...cheap, processes: Math.max(2, availableParallelism()) });
  const both = [hasher.hash('one'), hasher.hash('two')];
  assert.deepEqual(hasher.stats(), { active: 1, queued: 1, hashes: 1 });
  await Promise.all(both);
});

test('verifies argon2 of all three kinds made by another implementation', async () => {
  const hasher = createPasswordHasher(cheap);
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64').replace(/=+$/, '');
  for (const kind of ['argon2d', 'argon2i', 'argon2id'] as const) {
    const nonce = Buffer.from('sixteen bytes...');
    const cost = { parallelism: 2, memory: 64, passes: 3, tagLength: 32 };
    const digest = argon2Sync(kind, { message: 'lètmein', nonce, ...cost });
    const stored = `$${kind}$v=19$m=64,t=3,p=2$${base64(nonce)}$${base64(digest)}`;
    assert.deepEqual(await hasher.verify('lètmein', stored), YES_UPGRADE, kind);
    assert.deepEqual(await hasher.verify('letmein', stored), NO, kind);
  }
});

test('hashes to argon2id with its parameters, salted, and needs no upgrade', async () => {
  const hasher = createPasswordHasher({ memory: 64, passes: 2 });
  const stored = await hasher.hash('correct horse');
  assert.match(stored, /^\$argon2id\$v=19\$m=64,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  assert.notEqual(await hasher.hash('correct horse'), stored);
  assert.deepEqual(await hasher.verify('correct horse', stored), YES);
  assert.deepEqual(await hasher.verify('correct horsf', stored), NO);
});

test('wants an upgrade when memory or passes are others, weaker or stronger', async () => {
  const hasher = createPasswordHasher({ memory: 64, passes: 2 });
  for (const other of [
    { memory: 32, passes: 2 },
    { memory: 64, passes: 1 },
    { memory: 128, passes: 2 },
  ]) {
    const stored = await createPasswordHasher(other).hash('pw');
    assert.deepEqual(await hasher.verify('pw', stored), YES_UPGRADE);
    assert.deepEqual(await hasher.verify('no', stored), NO);
  }
});

test('an unknown user, a wrong password and an unreadable hash cost one hash alike', async () => {
  const hasher = createPasswordHasher(cheap);
  const stored = await hasher.hash('right');
  let before = hasher.stats().hashes;
  for (const target of [
    null,
    stored,
    '',
    'garbage',
    '$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA',
    `${stored.slice(0, -1)}!`,
  ]) {
    assert.deepEqual(await hasher.verify('wrong', target), NO);
    assert.equal(hasher.stats().hashes - before, 1, String(target));
    before = hasher.stats().hashes;
  }
});

test('a wrong password against a cheap imported hash pays for one of ours too', async () => {
  const hasher = createPasswordHasher(cheap);
  await hasher.verify('wrong', ofNfkcForm);
  assert.equal(hasher.stats().hashes, 2);
});

test('a password that NFKC changes costs twice, for known and unknown users alike', async () => {
  const hasher = createPasswordHasher(cheap);
  const stored = await hasher.hash('right');
  let before = hasher.stats().hashes;
  for (const target of [null, stored, 'garbage']) {
    assert.deepEqual(await hasher.verify('Ａngstrom', target), NO);
    assert.equal(hasher.stats().hashes - before, 2, String(target));
    before = hasher.stats().hashes;
  }
});

test('every form of a character is the same password', async () => {
  const hasher = createPasswordHasher(cheap);
  const forms = ['\u00c5ngstrom-9', 'A\u030angstrom-9', '\u212bngstrom-9', '\uff21\u030angstrom\uff0d9'];
  for (const set of forms) {
    const stored = await hasher.hash(set);
    for (const typed of forms) assert.deepEqual(await hasher.verify(typed, stored), YES);
  }
});

test('imported hashes are tried on the raw bytes, then on the NFKC form', async () => {
  const hasher = createPasswordHasher(cheap);
  assert.deepEqual(await hasher.verify('Ａngstrom', ofRawForm), YES_UPGRADE);
  assert.equal(hasher.stats().hashes, 1);
  assert.deepEqual(await hasher.verify('Ａngstrom', ofNfkcForm), YES_UPGRADE);
  assert.equal(hasher.stats().hashes, 3);
  assert.deepEqual(await hasher.verify('Angstrom', ofRawForm), NO);
});

test('an imported argon2id hash of our parameters is found by its raw form and wants an upgrade', async () => {
  const nonce = Buffer.from('sixteen bytes...');
  const cost = { parallelism: 1, memory: 8, passes: 1, tagLength: 32 };
  const digest = argon2Sync('argon2id', { message: 'Ａngstrom', nonce, ...cost });
  const [salt, tag] = [nonce, Buffer.from(digest)].map((bytes) => bytes.toString('base64').replace(/=+$/, ''));
  const stored = `$argon2id$v=19$m=8,t=1,p=1$${salt}$${tag}`;
  const hasher = createPasswordHasher(cheap);
  assert.deepEqual(await hasher.verify('Ａngstrom', stored), YES_UPGRADE);
  assert.deepEqual(await hasher.verify('Angstrom', stored), NO);
});

test('long passwords count to their last byte; only imported bcrypt stops at 72', async () => {
  const hasher = createPasswordHasher(cheap);
  for (const length of [73, 1024]) {
    const password = 'a'.repeat(length);
    const stored = await hasher.hash(password);
    assert.deepEqual(await hasher.verify(password, stored), YES);
    assert.deepEqual(await hasher.verify(`${password.slice(0, -1)}b`, stored), NO);
    assert.deepEqual(await hasher.verify(password.slice(0, -1), stored), NO);
  }
  const bcrypted = 'a'.repeat(72);
  assert.deepEqual(await hasher.verify(`${bcrypted}b`, bcryptOf73), YES_UPGRADE);
  assert.deepEqual(await hasher.verify(`${bcrypted}c`, bcryptOf73), YES_UPGRADE);
  assert.deepEqual(await hasher.verify(bcrypted.slice(1), bcryptOf73), NO);
});

test('NUL, lone surrogates, emoji and the empty password are passwords', async () => {
  const hasher = createPasswordHasher(cheap);
  for (const password of ['a\0b', '\ud800', 'x\udfffy', '🐎🔋', '']) {
    const stored = await hasher.hash(password);
    assert.deepEqual(await hasher.verify(password, stored), YES);
    assert.deepEqual(await hasher.verify(`${password}z`, stored), NO);
    assert.deepEqual(await hasher.verify(password, bcryptOf73), NO);
  }
  assert.deepEqual(await hasher.verify('a', await hasher.hash('a\0b')), NO);
});

test('a digest that a narrow column cut off does not match', async () => {
  const hasher = createPasswordHasher(cheap);
  const fixed = [...madeWithPython, ...published].filter(
    ({ stored }) => !/argon2|^\$scrypt/.test(stored) && !/\$i=\d+\$/.test(stored) && !/r=12|390000/.test(stored),
  );
  assert.ok(fixed.length > 20);
  for (const { name, password, stored } of fixed) {
    for (const cut of [1, 4, 8]) {
      // Base64's last character before a `=` may hold no more than filling.
      const short = stored.replace(/=+$/, '').slice(0, -cut);
      assert.deepEqual(await hasher.verify(password, short), NO, `${name}, ${cut}`);
    }
  }
});

test('malformed, too weak and absurdly expensive hashes never match, never throw and cost one hash of ours', async () => {
  const salt = 'c29tZXNhbHQ';
  const digest = 'nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';
  const refused = [
    `$argon2id$v=19$m=2097152,t=1,p=1$${salt}$${digest}`,
    `$argon2id$v=19$m=1048576,t=5,p=1$${salt}$${digest}`,
    `$argon2id$v=19$m=4096,t=1,p=65$${salt}$${digest}`,
    `$argon2id$v=19$m=4294967295,t=4294967295,p=255$${salt}$${digest}`,
    `$argon2id$v=19$m=8,t=0,p=1$${salt}$${digest}`,
    `$argon2id$v=19$m=8,t=1,p=1$${salt}$`,
    `$argon2id$v=19$m=8,t=1,p=1$${salt}$AAAAAA`,
    `$argon2x$v=19$m=8,t=1,p=1$${salt}$${digest}`,
    `argon2$argon2id$v=19$m=2097152,t=1,p=1$${salt}$${digest}`,
    bcryptOf73.replace('$04$', '$16$'),
    bcryptOf73.replace('$04$', '$31$'),
    bcryptOf73.replace('$04$', '$+4$'),
    bcryptOf73.replace('2b', '2x'),
    bcryptOf73.slice(0, -1),
    `bcrypt$bcrypt$${bcryptOf73}`,
    '$bcrypt-sha256$v=2,t=2b,r=31$5Hg1DKFqPE8C2aflZ5vVoe$wOK1VFFtS8IGTrGa7.h5fs0u84qyPbS',
    '$bcrypt-sha256$v=3,t=2b,r=5$5Hg1DKFqPE8C2aflZ5vVoe$wOK1VFFtS8IGTrGa7.h5fs0u84qyPbS',
    `$pbkdf2-sha256$4000001$${salt}$${digest}`,
    `$pbkdf2-sha1$i=3000000,l=32$${salt}$${digest}`,
    `$pbkdf2-sha1$1$${salt}$${digest}`,
    `$pbkdf2-sha256$9999999999$${salt}$${digest}`,
    `$pbkdf2-sha256$0$${salt}$${digest}`,
    `$pbkdf2-sha256$1$${salt}$`,
    `$pbkdf2-sha256$1$${salt}$AAAA`,
    `$pbkdf2-md5$1$${salt}$${digest}`,
    `$pbkdf2-sha256$i=1,l=31$${salt}$${digest}`,
    'pbkdf2_sha256$1$$AAAA',
    'pbkdf2:sha256:1$salt$',
    'pbkdf2:sha256:1$salt$abc',
    `$scrypt$ln=23,r=8,p=1$${salt}$${digest}`,
    `$scrypt$ln=18,r=8,p=8$${salt}$${digest}`,
    `$scrypt$ln=99,r=9999,p=9999$${salt}$${digest}`,
    `$scrypt$ln=0,r=8,p=1$${salt}$${digest}`,
    `$scrypt$ln=10,r=0,p=1$${salt}$${digest}`,
    `$scrypt$ln=17,r=1,p=1$${salt}$${digest}`,
    `scrypt$1000$salt$8$1$${digest}=`,
    `scrypt:1000:8:1$salt$${'ab'.repeat(64)}`,
    `$pbkdf2-sha256$1$${salt}$${'A'.repeat(1000)}`,
    'AQAAAAEAPQkBAAAAEHNzc3Nzc3Nzc3Nzc3Nzc3Nra2tra2tra2tra2tra2tra2tra2tra2tra2tra2traw==',
    'AQAAAAEAAAPo/////3Nzc3Nzc3Nzc3Nzc3Nzc3Nra2tra2tra2tra2tra2tra2tra2tra2tra2tra2traw==',
    'AQAAAAcAAAPoAAAAEHNzc3Nzc3Nzc3Nzc3Nzc3Nra2tra2tra2tra2tra2tra2tra2tra2tra2tra2traw==',
    'AQAAAAEAAAPoAAAAEHNzc3Nzc3Nzc3Nzc3Nzc3Nra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tr',
    'AQAAAAEAAAAAAAAAEHNzc3Nzc3Nzc3Nzc3Nzc3Nra2tra2tra2tra2tra2tra2tra2tra2tra2tra2traw==',
    'AQAAAAEAAAPoAAAACHNzc3Nzc3Nza2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=',
    '$firebase-scrypt$ln=20,r=8,s=Bw==,k=a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2traw==$c2FsdA==$ZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZA==',
    '$firebase-scrypt$ln=14,r=0,s=Bw==,k=a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2traw==$c2FsdA==$ZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZA==',
    '$firebase-scrypt$ln=14,r=8,s=Bw==,k=a2V5$c2FsdA==$a2V5',
    '$firebase-scrypt$ln=14,r=8,s=Bw==,k=a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2traw==$c2FsdA==$ZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGQ=',
    `$P$F${'a'.repeat(30)}`,
    `$P$4${'a'.repeat(30)}`,
    `$P$z${'a'.repeat(30)}`,
    `$P$9${'a'.repeat(29)}`,
    '{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ=',
    '{SSHA}AAAA',
    '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=',
    '$wp$2y$31$abcdefghijklmnopqrstuuKtPzLr5k8g4ww3e2ip28ID6lLn6mQBq',
    '!unusable',
    '$',
    '\ud800',
  ];
  const hasher = createPasswordHasher(cheap);
  for (const stored of refused) {
    const before = hasher.stats().hashes;
    assert.deepEqual(await hasher.verify('password', stored), NO, stored);
    assert.equal(hasher.stats().hashes - before, 1, stored);
  }
});

test('phpass lets other work go on while it repeats MD5', async () => {
  const hasher = createPasswordHasher(cheap);
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  // 8,192 rounds in slices of 256.
  assert.deepEqual(await hasher.verify('!?!#?#?#$&@&@!&@', '$P$Buvd5FQxkeXJnDarN7..wRMwRKJeZ40'), YES_UPGRADE);
  isOver = true;
  assert.ok(turns >= 32, `${turns} turns`);
});

test('what WordPress escaped before it hashed a password is found by the password itself', async () => {
  const hasher = createPasswordHasher(cheap);
  for (const stored of [slashed.phpass, slashed.bcrypt]) {
    assert.deepEqual(await hasher.verify(`o'neill "\\"`, stored), YES_UPGRADE, stored);
    assert.deepEqual(await hasher.verify(`oneill`, stored), NO, stored);
  }
});

test('beyond its places and its queue it answers 503 with Retry-After, at once, for every format; the rest is served', async () => {
  const hasher = createPasswordHasher({ ...cheap, concurrency: 2, queueLimit: 3 });
  const calls = Array.from({ length: 9 }, (_, n) =>
    n % 2 ? hasher.verify('lètmein', published[6]?.stored ?? null) : hasher.hash('pw'),
  );
  assert.deepEqual({ ...hasher.stats(), hashes: 0 }, { active: 2, queued: 3, hashes: 0 });
  const results = await Promise.allSettled(calls);
  assert.deepEqual(
    results.map(({ status }) => status),
    [...Array(5).fill('fulfilled'), ...Array(4).fill('rejected')],
  );
  for (const result of results.slice(5)) {
    assert.ok(result.status === 'rejected' && result.reason instanceof AppError);
    assert.equal(result.reason.code, 'overloaded');
    assert.equal(result.reason.status, 503);
    assert.deepEqual(result.reason.extras.headers, { 'retry-after': '1' });
  }
  assert.deepEqual(hasher.stats(), { active: 0, queued: 0, hashes: 5 });
});

test('refuses parameters whose hashes it could not verify later', () => {
  for (const wrong of [
    { memory: 4, passes: 1 },
    { memory: 1024 * 1024 + 1, passes: 1 },
    { memory: 1024 * 1024, passes: 5 },
    { memory: 8, passes: 0 },
    { memory: 8.5, passes: 1 },
    { memory: 8, passes: 1, concurrency: 0 },
    { memory: 8, passes: 1, queueLimit: -1 },
  ]) {
    assert.throws(() => createPasswordHasher(wrong), TypeError);
  }
});
