import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { serverEnv, setupLink, withServers } from './kill/server-process.ts';
import { isThere, type Place, runExample } from './sites-example.ts';

/** On SQLite alone its own test runs, and on the others one that is long. */
const PLACES: Place[] = [
  { main: 'sqlite', violations: 'mongodb' },
  { main: 'postgres', violations: 'mongodb' },
];

describe('the example of sites, with violations on another database than users', () => {
  for (const place of PLACES.filter(isThere)) {
    test(`${place.violations} beside ${place.main}`, () => runExample(place));
  }

  test('is run', (t) => {
    if (!PLACES.some(isThere)) t.skip('there is no other database in this run');
  });
});

const EXAMPLE = join(import.meta.dirname, '../../examples/sites');

test('the commands of its README do what it says, word for word', () =>
  withServers(async (dir, start) => {
    const config = { OSTIARY_CONFIG: join(EXAMPLE, 'ostiary.config.ts'), EMAIL_VERIFICATION: 'off' };
    const server = await start({ env: serverEnv(dir, `sqlite:${dir}/db`, config), dir });
    const token = (await setupLink(server, 30_000))?.split('#token=')[1] ?? assert.fail();
    const readme = await readFile(join(EXAMPLE, 'README.md'), 'utf8');
    const [, block = ''] = /```sh\n(api=[\s\S]*?)```/.exec(readme) ?? [];
    const script = block.replace('setup=AQ…', `setup=${token}`);
    // Its address is the one of a server that was started without settings.
    await writeFile(join(dir, '.curlrc'), `connect-to = "localhost:8000:127.0.0.1:${server.port}"\n`);
    const PATH = `${dirname(process.execPath)}:${process.env.PATH}`;
    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: dir,
      env: { PATH, CURL_HOME: dir },
    });
    assert.deepEqual(stdout.match(/"code":"[a-z_]+"/g), ['"code":"forbidden"'], stdout);
    for (const [, said = ''] of block.matchAll(/^curl .*\n((?:# .*\n)+)\n/gm)) {
      const lines = said
        .trim()
        .split('\n')
        .map((line) => line.slice(2));
      for (const line of lines) assert.ok(stdout.includes(line), `${line} is not in:\n${stdout}`);
    }
    assert.match(stdout, /"violation\.resolved".*"violation\.evidence_added".*"violation\.reported"/s);
  }));
