import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { appCode } from '../../../test/authenticator.ts';
import { NOW } from '../../../test/fixtures.ts';
import { after, SECOND } from '../../platform/clock.ts';
import { codeAt, newTotpSecret, stepOf, stepsOfCode, toBase32, totpUri } from './totp.ts';

/** RFC 6238, appendix B: the secret repeats these digits, for each hash to its own length. */
const DIGITS = '1234567890';
const secretOf = (length: number) => Buffer.from(DIGITS.repeat(7).slice(0, length));
const SECRETS = { sha1: secretOf(20), sha256: secretOf(32), sha512: secretOf(64) };
const VECTORS: [seconds: number, sha1: string, sha256: string, sha512: string][] = [
  [59, '94287082', '46119246', '90693936'],
  [1111111109, '07081804', '68084774', '25091201'],
  [1111111111, '14050471', '67062674', '99943326'],
  [1234567890, '89005924', '91819424', '93441116'],
  [2000000000, '69279037', '90698825', '38618901'],
  [20000000000, '65353130', '77737706', '47863826'],
];
/** RFC 4226, appendix D. */
const HOTP = ['755224', '287082', '359152', '969429', '338314', '254676', '287922', '162583', '399871', '520489'];

test('the codes are those of RFC 6238, at all of its times, and of RFC 4226', () => {
  for (const [seconds, sha1, sha256, sha512] of VECTORS) {
    const at = new Date(seconds * 1000);
    for (const [hash, wanted] of Object.entries({ sha1, sha256, sha512 })) {
      const secret = SECRETS[hash as keyof typeof SECRETS];
      assert.equal(codeAt(secret, stepOf(at), { digits: 8, hash }), wanted, `${hash} at ${seconds}`);
    }
    assert.equal(codeAt(SECRETS.sha1, stepOf(at)), sha1.slice(2));
    assert.equal(appCode(toBase32(SECRETS.sha1), at), sha1.slice(2));
  }
  for (const [step, code] of HOTP.entries()) assert.equal(codeAt(SECRETS.sha1, step), code);
});

describe('a typed code', () => {
  const secret = SECRETS.sha1;
  const present = stepOf(NOW);

  test('is taken one step before and after, and no more', () => {
    for (const [off, isTaken] of Object.entries({ '-2': false, '-1': true, 0: true, 1: true, 2: false })) {
      const step = present + Number(off);
      assert.deepEqual(stepsOfCode(secret, codeAt(secret, step), NOW), isTaken ? [step] : [], off);
    }
    const start = new Date(present * 30_000);
    assert.deepEqual(stepsOfCode(secret, codeAt(secret, present), after(start, 60 * SECOND - 1)), [present]);
    assert.deepEqual(stepsOfCode(secret, codeAt(secret, present), after(start, 60 * SECOND)), []);
    assert.deepEqual(stepsOfCode(secret, codeAt(secret, present), after(start, -30 * SECOND)), [present]);
    assert.deepEqual(stepsOfCode(secret, codeAt(secret, present), after(start, -30 * SECOND - 1)), []);
  });

  test('may have separators and digits of any script; anything else is none', () => {
    const code = codeAt(secret, present);
    const wide = [...code].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join('');
    for (const typed of [
      code,
      ` ${code.slice(0, 3)} ${code.slice(3)} `,
      `${code.slice(0, 3)}-${code.slice(3)}`,
      wide,
    ]) {
      assert.deepEqual(stepsOfCode(secret, typed, NOW), [present], typed);
    }
    for (const typed of ['', code.slice(1), `${code}0`, `0${code}`, `+${code}`.replace('+', 'x'), '      ', 'NaN']) {
      assert.deepEqual(stepsOfCode(secret, typed, NOW), [], typed);
    }
  });
});

test('base 32 is that of RFC 4648, without padding', () => {
  const vectors = {
    '': '',
    f: 'MY',
    fo: 'MZXQ',
    foo: 'MZXW6',
    foob: 'MZXW6YQ',
    fooba: 'MZXW6YTB',
    foobar: 'MZXW6YTBOI',
  };
  for (const [text, wanted] of Object.entries(vectors)) assert.equal(toBase32(Buffer.from(text)), wanted);
  assert.equal(toBase32(Buffer.alloc(20, 0xff)), '7'.repeat(32));
});

test('a secret has 160 bits, and its address names issuer, account and all that an app needs', () => {
  const secret = newTotpSecret();
  assert.equal(secret.length, 20);
  assert.notDeepEqual(newTotpSecret(), secret);
  const { protocol, host, pathname, searchParams } = new URL(
    totpUri(secret, { issuer: 'auth.example.org:8443', account: 'ada+x@example.org' }),
  );
  assert.deepEqual([protocol, host], ['otpauth:', 'totp']);
  assert.equal(decodeURIComponent(pathname), '/auth.example.org 8443:ada+x@example.org');
  assert.deepEqual(Object.fromEntries(searchParams), {
    secret: toBase32(secret),
    issuer: 'auth.example.org:8443',
    algorithm: 'SHA1',
    digits: '6',
    period: '30',
  });
});

test('oathtool shows the same codes', (t) => {
  if (spawnSync('oathtool', ['--version']).error) {
    t.skip('oathtool is not installed');
    return;
  }
  const secret = newTotpSecret();
  for (const at of [NOW, new Date(59_000), new Date(2_000_000_000_000)]) {
    const options = ['--totp', '--base32', `--now=@${Math.floor(at.getTime() / 1000)}`, toBase32(secret)];
    assert.equal(execFileSync('oathtool', options).toString().trim(), codeAt(secret, stepOf(at)));
  }
});
