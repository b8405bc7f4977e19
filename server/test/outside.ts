import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { exampleOf } from '../tools/new/module.ts';

/** The package as it is in this repository. */
const SERVER = join(import.meta.dirname, '..');
const PAGE = join(SERVER, '../docs/adding-a-module.md');
const GUIDE = join(SERVER, '../docs/guides/library.md');
const FOLDER = 'server/src/modules/notes/';
/** Of this repository only: its test of the store, of who may call, and of the module. */
const TESTS = /\.(?:contract|matrix|test)\.ts$/;
/** The command of the guide that rewrites imports, as an expression. */
const FOREIGN = /from '(\.\.\/\.\.\/[^']+|\.\.\/[^'/]+\/[^']+|kysely|typebox|mongodb)'/g;

/** A block of the guide that is a whole file says so in its first line. */
const BLOCK = /^( *)```(?:ts\n *\/\/ (\S+)|(json))\n([\s\S]*?)^ *```$/gm;

/** The files that docs/guides/library.md shows, as a reader would write them. */
export async function guideFiles(): Promise<Record<string, string>> {
  const guide = await readFile(GUIDE, 'utf8');
  const files = [...guide.matchAll(BLOCK)].map(([, indent = '', path = 'tsconfig.json', , text = '']) => [
    path,
    text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  ]);
  return Object.fromEntries(files);
}

/** Writes these files into `dir`, by their paths. */
export async function writeFiles(dir: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
}

/**
 * Makes `dir` a project with a module of its own: the one that docs/adding-a-module.md builds inside of this repository, with nothing
 * changed but where it imports from, and the files that docs/guides/library.md adds.
 */
export async function writeProject(dir: string): Promise<void> {
  const files = exampleOf(await readFile(PAGE, 'utf8')).filter(({ path }) => !TESTS.test(path));
  const moved = files.map(({ path, source }) => [
    path.replace(FOLDER, 'notes/').replace('<time>', '202701010000'),
    source.replaceAll(FOREIGN, "from 'ostiary'"),
  ]);
  await writeFiles(dir, {
    'package.json': '{ "type": "module", "private": true }',
    ...Object.fromEntries(moved),
    ...(await guideFiles()),
  });
}

/** Lets the project in `dir` use this repository as its package, without an installation. */
export async function linkRepository(dir: string): Promise<void> {
  await mkdir(join(dir, 'node_modules'), { recursive: true });
  await symlink(SERVER, join(dir, 'node_modules/ostiary'));
}
