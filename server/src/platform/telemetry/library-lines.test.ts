import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const url = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);

/** A process that serves, as far as its log knows, with a library that says all this. */
function lines(says: string): Record<string, unknown>[] {
  const program = `
    import { pino } from 'pino';
    import { logOptions } from ${url('./log.ts')};
    import { takeLibraryLines } from ${url('./library-lines.ts')};
    takeLibraryLines(pino(logOptions('info'), { write: (line) => process.stdout.write(line) }));
    ${says}
  `;
  const args = ['--input-type=module', '-e', program];
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    cwd: import.meta.dirname,
    // Not what watches the warnings of a test run: these are made.
    env: { PATH: process.env.PATH },
  });
  assert.equal(stderr, '');
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

test('what libraries write to the console comes through the log, each line once', () => {
  const told = lines(`
    for (let i = 0; i < 21; i++) console.warn('IMPORTANT! Eviction policy is %s.', 'allkeys-lru');
    console.error(new Error('of a library').message);
    console.log('');
    console.info({ a: [1] }, 'x\\ny');
    console.debug('below the level');
  `);
  assert.deepEqual(
    told.map(({ level, msg }) => [level, msg]),
    [
      ['warn', 'a library says: IMPORTANT! Eviction policy is allkeys-lru.'],
      ['warn', 'a library says: of a library'],
      ['info', 'a library says: { a: [ 1 ] } x\ny'],
    ],
  );
});

test('so do warnings of Node.js', () => {
  const told = lines(`
    for (let i = 0; i < 3; i++) process.emitWarning('it leaks', 'MaxListenersExceededWarning');
    process.emitWarning('old', 'DeprecationWarning', 'DEP0000');
  `);
  assert.deepEqual(
    told.map(({ level, msg, err }) => [level, msg, (err as { message: string }).message]),
    [
      ['warn', 'a warning of Node.js', 'it leaks'],
      ['warn', 'a warning of Node.js', 'old'],
    ],
  );
});
