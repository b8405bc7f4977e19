import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');
/** Folders that are large, or of no commit. */
const LEFT_OUT = /(?:^|\/)node_modules$|^(?:\.git|data|bench\/peers)$|^server\/tools\/test-servers\/mongodb\/runtime$/;

export interface Checkout {
  dir: string;
  /** Runs a program of the checkout; throws with what it said if it fails. */
  run(program: 'npm' | 'node' | 'tsc' | 'biome', ...args: string[]): Promise<string>;
}

/** A copy of this repository that may be changed, with its dependencies; it is gone afterwards. */
export async function withCheckout(run: (checkout: Checkout) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'ostiary-checkout-'));
  const bin = join(dir, 'node_modules/.bin');
  try {
    cpSync(ROOT, dir, { recursive: true, filter: (path) => !LEFT_OUT.test(relative(ROOT, path)) });
    for (const place of ['node_modules', 'server/node_modules', 'server/tools/openapi-clients/node_modules']) {
      if (existsSync(join(ROOT, place))) symlinkSync(join(ROOT, place), join(dir, place));
    }
    // A runner within a runner would report to it instead of to us.
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, NODE_TEST_CONTEXT: undefined };
    await run({
      dir,
      async run(program, ...args) {
        const file = program === 'node' ? process.execPath : program === 'npm' ? 'npm' : join(bin, program);
        const options = { cwd: dir, env, maxBuffer: 64e6 };
        const { stdout } = await promisify(execFile)(file, args, options).catch((error) =>
          assert.fail(`${program} ${args.join(' ')}\n${error.stdout}${error.stderr}`),
        );
        return stdout;
      },
    });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The check of a module that was written, on SQLite; `all`: also with the tests of the whole that look at every module. */
export async function checkModule(
  { run }: Checkout,
  { folder, contract, all }: { folder: string; contract: string; all: boolean },
): Promise<void> {
  await run('biome', 'ci', '--error-on-warnings', 'server', 'docs');
  await run('tsc');
  await run('npm', 'run', '--silent', 'imports');
  const files = [
    `server/src/modules/${folder}/${folder}.test.ts`,
    ...['openapi', 'docs', 'events-docs'].map((name) => `server/test/${name}.test.ts`),
    ...(all ? ['authorization-matrix', 'sensitive-actions'].map((name) => `server/test/${name}.test.ts`) : []),
  ];
  const env = ['--disable-warning=ExperimentalWarning', '--test'];
  await run('node', ...env, ...files);
  const told = await run('node', ...env, `--test-name-pattern=${contract}`, 'server/src/storage.test.ts');
  assert.match(told, new RegExp(contract), 'its contract was run');
}
