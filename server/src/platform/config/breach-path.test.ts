import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { breachDirectory, hashes, lines } from '../breaches/breach.testing.ts';
import { breachPath } from './breach-path.ts';
import { InvalidValue } from './config-error.ts';

const KEYS = hashes(20_000);

test('a list is a sorted file of SHA-1 hashes, whatever its line ends', (t) => {
  const cwd = breachDirectory(t);
  const good = [
    lines(KEYS),
    lines(KEYS, '\r\n'),
    lines(KEYS).trimEnd(),
    lines(KEYS.slice(0, 1)),
    lines(KEYS.slice(0, 400)),
  ];
  for (const [index, text] of good.entries()) {
    writeFileSync(join(cwd, 'pwned.txt'), text);
    assert.equal(breachPath('./pwned.txt', cwd), join(cwd, 'pwned.txt'), `${index}`);
  }
});

test('what is not one is refused with the reason, and its name is not repeated', (t) => {
  const cwd = breachDirectory(t);
  const ntlm = KEYS.map((key) => key.slice(8)).sort();
  const byCount = KEYS.toSorted((a, b) => a.slice(9).localeCompare(b.slice(9)));
  const swapped = [...KEYS.slice(10_000), ...KEYS.slice(0, 10_000)];
  const bad: [string, RegExp][] = [
    ['', /empty/],
    [lines(ntlm), /not a SHA-1/],
    [lines(KEYS).toLowerCase(), /not a SHA-1/],
    [KEYS.join('\n'), /not a SHA-1/],
    [lines(byCount), /not sorted/],
    [lines(swapped), /not sorted/],
    [lines([KEYS[0] ?? '', KEYS[0] ?? '']), /not sorted/],
    ['A'.repeat(1_000_000), /not a SHA-1|too long/],
    ['password\n123456\n', /not a SHA-1/],
  ];
  for (const [text, reason] of bad) {
    writeFileSync(join(cwd, 'hush.txt'), text);
    assert.throws(
      () => breachPath('hush.txt', cwd),
      (error: unknown) => {
        assert.ok(error instanceof InvalidValue);
        assert.match(error.problem, reason);
        assert.doesNotMatch(`${error.problem} ${error.fix}`, /hush/);
        return true;
      },
    );
  }
  assert.throws(() => breachPath('absent.txt', cwd), /cannot be read \(ENOENT\)/);
});

test('a directory of ranges is taken where its files from 00000 to FFFFF are there', (t) => {
  const cwd = breachDirectory(t);
  mkdirSync(join(cwd, 'ranges'));
  const suffixes = KEYS.slice(0, 800)
    .map((key) => key.slice(5))
    .sort();
  for (const digit of '0123456789ABCDE') writeFileSync(join(cwd, 'ranges', `${digit.repeat(5)}.txt`), lines(suffixes));
  assert.throws(() => breachPath('ranges', cwd), /ENOENT/);
  writeFileSync(join(cwd, 'ranges', 'FFFFF.txt'), lines(KEYS.slice(0, 800)));
  assert.throws(() => breachPath('ranges', cwd), /not a SHA-1/);
  writeFileSync(join(cwd, 'ranges', 'FFFFF.txt'), lines(suffixes, '\r\n').trimEnd());
  assert.equal(breachPath('ranges', cwd), join(cwd, 'ranges'));
});
