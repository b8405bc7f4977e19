import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ERASED } from './erasure.ts';

const ROOT = join(import.meta.dirname, '../../../..');
const here = (file: string) => join(import.meta.dirname, file);

/** The compiler's errors in both adapters and what they share, if users had one more field: `file: message`, in order. */
async function errorsWith(field: string): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'erasure-'));
  try {
    const fixture = join(folder, 'fixture.ts');
    await writeFile(
      fixture,
      `export {};\ndeclare module '${here('user-store.ts')}' {\n  interface UserRecord { ${field} }\n}\n`,
    );
    const project = join(folder, 'tsconfig.json');
    const compilerOptions = { typeRoots: [join(ROOT, 'node_modules/@types')] };
    const files = [fixture, here('erasure.ts'), here('user-store.sql.ts'), here('user-store.mongo.ts')];
    await writeFile(
      project,
      JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: [], files }),
    );
    const said = await new Promise<string>((resolve) => {
      const args = ['--project', project, '--pretty', 'false'];
      execFile(join(ROOT, 'node_modules/.bin/tsc'), args, { cwd: ROOT }, (_, stdout, stderr) =>
        resolve(stdout + stderr),
      );
    });
    return Array.from(
      said.matchAll(/^\S*?([\w.-]+\.ts)\([\d,]+\): error TS\d+: (.*)$/gm),
      ([, file, text]) => `${file}: ${text}`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe('what an erasure clears', () => {
  it('is empty, whatever it was', () => {
    const { status, ...rest } = ERASED;
    assert.equal(status, 'erased');
    for (const [field, value] of Object.entries(rest)) {
      const isEmpty =
        value === null || value === false || (typeof value === 'object' && Object.keys(value).length === 0);
      assert.ok(isEmpty, `${field} is ${JSON.stringify(value)}`);
    }
  });

  for (const field of ['shoeSize: number | null', 'shoeSize?: number']) {
    it(`does not compile while nobody has decided about a field of users (${field})`, async () => {
      const missing = "Property 'shoeSize' is missing in type";
      const errors = (await errorsWith(field)).map((error) => error.slice(0, error.indexOf(missing) + missing.length));
      // The record that is read from a row may lack an optional field.
      const inRows = field.includes('?') ? [] : [`user-rows.sql.ts: ${missing}`];
      assert.deepEqual(errors, [`erasure.ts: ${missing}`, ...inRows]);
    });
  }

  it('compiles as it is', async () => {
    assert.deepEqual(await errorsWith('id: string'), []);
  });
});
