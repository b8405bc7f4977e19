import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeUser } from '../../../test/fixtures.ts';
import { auditDiff, isWon, keptSession, loginKey, toEmail, toLocale, toPerson, toUsername } from './names.ts';

const code = (expected: string) => (error: unknown) => (error as { code?: unknown }).code === expected;

test('an address is kept as it was written only where that is the mailbox that its canonical form names', () => {
  assert.deepEqual(toEmail(' Mike@Example.org '), { email: 'Mike@Example.org', emailNorm: 'mike@example.org' });
  assert.deepEqual(toEmail('ｍike@example.org'), { email: 'mike@example.org', emailNorm: 'mike@example.org' });
  assert.throws(() => toEmail('mike'), code('email_invalid'));
});

test('a username has a look-alike key, and nothing has none', () => {
  assert.equal(toUsername('Ann').usernameKey, toUsername('ann').usernameKey);
  for (const nothing of [null, undefined]) assert.deepEqual(toUsername(nothing), { username: null, usernameKey: null });
  assert.throws(() => toUsername('@'), code('username_invalid'));
});

test('a locale is canonical, from whatever writes it; an unknown one is none', () => {
  for (const [written, locale] of [
    ['ZH-hant-tw', 'zh-Hant-TW'],
    ['en_US', 'en-US'],
    ['zh_Hans_CN', 'zh-Hans-CN'],
    ['en_US.UTF-8', 'en-US'],
    ['de_DE@euro', 'de-DE'],
    ['\u200e pt-br ', 'pt-BR'],
    ['de-DE,de;q=0.9,en;q=0.8', 'de-DE'],
    ['*;q=0.5, fr-CH', 'fr-CH'],
    ['de-DE-u-co-phonebk', 'de-DE'],
  ] as const) {
    assert.equal(toLocale(written), locale, written);
  }
  for (const unknown of ['', '*', 'C', 'POSIX', 'not a locale', '_', 'en\u0000', 'x'.repeat(200), null, undefined]) {
    assert.equal(toLocale(unknown), null, String(unknown));
  }
});

test('a person is stored trimmed, and without what shows nothing', () => {
  assert.deepEqual(toPerson({}), {});
  assert.deepEqual(toPerson({ fullName: ' Ann Lee\u200b', phone: '+44 20 7123 4567', locale: 'en_GB' }), {
    fullName: 'Ann Lee',
    phone: '+442071234567',
    locale: 'en-GB',
  });
  assert.deepEqual(toPerson({ fullName: ' \u200b', phone: ' ', locale: '' }), {
    fullName: null,
    phone: null,
    locale: null,
  });
  assert.deepEqual(toPerson({ fullName: null, phone: null, locale: null }), {
    fullName: null,
    phone: null,
    locale: null,
  });
  const profile = { bio: ' \n', website: ' https://a.example ', location: '\u3164' };
  assert.deepEqual(toPerson({ profile }), { profile: { website: 'https://a.example' } });
  assert.throws(() => toPerson({ locale: 'not a locale' }), code('locale_invalid'));
});

test('all spellings of a login have one key; what nobody can have is its own', () => {
  assert.equal(loginKey('Mike@Example.ORG'), loginKey('mike@example.org'));
  assert.equal(loginKey('Ann'), loginKey('ann'));
  assert.equal(loginKey('@'), '@');
  assert.equal(loginKey('\u202aann\u202c'), loginKey('ann'));
  assert.equal(loginKey(' @\u200b'), '@');
});

test('a change that was not taken is lost, or says which name is in use', () => {
  assert.deepEqual([isWon('ok'), isWon('lost')], [true, false]);
  for (const taken of ['email_taken', 'username_taken'] as const) assert.throws(() => isWon(taken), code(taken));
});

test('the audit log shows the fields of a patch before and after, without their canonical forms', () => {
  const user = makeUser({ fullName: 'Ann', username: 'ann', usernameKey: 'ann' });
  assert.deepEqual(auditDiff(user, { fullName: null, username: 'Bob', usernameKey: 'bob' }), {
    before: { fullName: 'Ann', username: 'ann' },
    after: { fullName: null, username: 'Bob' },
  });
});

test('a session that ended with others is not kept, but where it was the one that was kept', () => {
  const user = { sessionEpoch: 5, keptSessionId: 'kept' };
  assert.equal(keptSession(user, { sessionId: 'a', sessionEpoch: 5 }), 'a');
  assert.equal(keptSession(user, { sessionId: 'kept', sessionEpoch: 4 }), 'kept');
  assert.throws(() => keptSession(user, { sessionId: 'a', sessionEpoch: 4 }), code('unauthenticated'));
});
