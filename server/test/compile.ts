import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const SOURCE = join(ROOT, 'server/src');

/**
 * The compiler's errors in these files and what they share, if interfaces of a module had further fields: `file: message`, in order.
 * `await errorsWith('modules/users/user-store.ts', { UserRecord: 'shoeSize: number' }, ['modules/users/erasure.ts'])`.
 */
export async function errorsWith(module: string, fields: Record<string, string>, files: string[]): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'compile-'));
  try {
    const fixture = join(folder, 'fixture.ts');
    const interfaces = Object.entries(fields).map(([name, field]) => `  interface ${name} { ${field} }\n`);
    await writeFile(fixture, `export {};\ndeclare module '${join(SOURCE, module)}' {\n${interfaces.join('')}}\n`);
    const project = join(folder, 'tsconfig.json');
    const compilerOptions = { typeRoots: [join(ROOT, 'node_modules/@types')] };
    const all = [fixture, ...files.map((file) => join(SOURCE, file))];
    await writeFile(
      project,
      JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: [], files: all }),
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
