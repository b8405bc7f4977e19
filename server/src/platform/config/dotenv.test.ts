import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { directory, refused } from './config.testing.ts';
import { readDotenv } from './dotenv.ts';
import { loadConfig } from './load-config.ts';

const read = (t: TestContext, text: string) => readDotenv(directory(t, text));

/** What a file of these bytes is refused for. */
function refusal(t: TestContext, bytes: string | Buffer): string {
  const cwd = directory(t);
  writeFileSync(join(cwd, '.env'), bytes);
  const { faults, message } = refused({}, cwd);
  assert.equal(faults[0]?.name, '.env');
  return message;
}

for (const text of [
  'ENVIRONMENT: production',
  'DATABASE_URL: postgres://u:p@h/d?sslmode=require',
  'ENVIRONMENT production',
  'ENVIRONMENT',
  '- ENVIRONMENT=production',
  '"ENVIRONMENT=production"',
  '"ENVIRONMENT": "production",',
  '{"ENVIRONMENT":"production"}',
  'set ENVIRONMENT=production',
  'setx ENVIRONMENT production',
  '$env:ENVIRONMENT = "production"',
  'ENV ENVIRONMENT=production',
  'Environment=ENVIRONMENT=production',
  '[ostiary]\nENVIRONMENT=production',
  '// a comment\nENVIRONMENT=production',
  '; a comment\nENVIRONMENT=production',
  'ENVIRONMENT=production\n\u00a0\u200bPORT=80',
  '=production',
  'a.b=c',
  'SECRET_KEY=MIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC==',
]) {
  test(`a line that is not NAME=value is a fault: ${JSON.stringify(text)}`, (t) => {
    assert.match(refusal(t, `\n# settings\n${text}\n`), /\.env has lines that are not NAME=value \(line [34]\)\./);
  });
}

for (const text of ['A="x', "A='x\nB=1", 'A="x"y', 'A="x\\"y"', 'MAIL_FROM="A B" <a@b>', 'A=`x` y # z']) {
  test(`quotes that do not hold the whole value are a fault: ${JSON.stringify(text)}`, (t) => {
    assert.match(refusal(t, text), /\.env has values whose quotes .* \(line 1\)\./);
  });
}

test('a # that cuts a value off is a fault, a comment is none', (t) => {
  assert.match(refusal(t, 'A=abc#def\nB=#fff\n'), /\.env has values with a # .* \(lines 1, 2\)\./);
  assert.deepEqual(read(t, 'A=abc # def\nB= # c\nC="a#b" #c\nD=\t#\n').values, { A: 'abc', B: '', C: 'a#b', D: '' });
});

test('text in another encoding is a fault', (t) => {
  const text = 'ENVIRONMENT=production\r\nMAIL_FROM=Ä <a@b>\r\n';
  const utf16 = Buffer.from(text, 'utf16le');
  for (const bytes of [
    Buffer.concat([Buffer.from([0xff, 0xfe]), utf16]),
    Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(utf16).swap16()]),
    Buffer.from('ENVIRONMENT=production\r\n', 'utf16le'),
    Buffer.from('ENVIRONMENT=production\r\n', 'utf16le').swap16(),
    Buffer.from(text, 'latin1'),
    Buffer.from('\0\0\0'),
  ]) {
    assert.match(refusal(t, bytes), /\.env is not text in UTF-8\.\n.*PowerShell/);
  }
});

test('old line ends, blanks after = and a byte order mark lose no line', (t) => {
  assert.deepEqual(read(t, '\uFEFFA=1\rB= \r\nexport C = "x\ny"\r\n\tD=`"`\n').values, {
    A: '1',
    B: '',
    C: 'x\ny',
    D: '"',
  });
});

test('a file of comments only, or none, is no fault; one with a similar name is told', (t) => {
  assert.deepEqual(read(t, '#PORT=1\n\n  # x\n'), { values: {}, faults: [], warnings: [] });
  const cwd = directory(t);
  assert.deepEqual(loadConfig({ env: {}, cwd }).warnings, []);
  writeFileSync(join(cwd, '.env.production'), 'ENVIRONMENT=production');
  assert.deepEqual(loadConfig({ env: {}, cwd }).warnings, ['.env.production is not read: only .env is.']);
});

test('a name that is there twice is told', (t) => {
  const { config, warnings } = loadConfig({ env: {}, cwd: directory(t, 'PORT=1\nPORT=2\n') });
  assert.equal(config.port, 2);
  assert.deepEqual(warnings, ['PORT is in .env twice; the last line counts.']);
});

test('of many faulty lines some are named, and none is repeated', (t) => {
  const message = refusal(t, 'HushHush: Hush\n'.repeat(99));
  assert.match(message, /\(lines 1, 2, 3, 4, 5 …\)/);
  assert.doesNotMatch(message, /Hush/);
});

test('whatever is understood is read as Node reads it', (t) => {
  const cwd = directory(t);
  const piece = fc.constantFrom('A', 'b', '=', ' ', '#', '"', "'", '`', '\n', '\\n', 'é', ':', '-');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('');
      writeFileSync(join(cwd, '.env'), text);
      const { values, faults } = readDotenv(cwd);
      // Node takes the next line for the value where blanks follow the =.
      const node = parseEnv(text.replace(/=[ \t]+$/gm, '='));
      if (faults.length === 0) assert.deepEqual(values, { ...node });
    }),
    { seed: 1, numRuns: 2_000 },
  );
});
