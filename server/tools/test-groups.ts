import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Files of one process, by folder: tests of the whole server load it, which takes as long as most of them run; others load little. */
const OF_THE_SERVER = 6;
const OF_PARTS = 20;

/**
 * Files that must have a process of their own: with hooks, which would run for the tests of other files too, unless a suite holds them; that
 * measure the process, or change what all of it shares.
 */
const ALONE = [
  /\b(?:before|after|beforeEach|afterEach)\b[^;]*from 'node:test'/,
  /\bmock\b[^;]*from 'node:test'/,
  /process\.env\.[A-Z_]+ =|Object\.assign\(process\.env|process\.chdir|process\.on\(|process\.once\(/,
  /memoryUsage|cpuUsage|setFlagsFromString|getActiveResourcesInfo/,
];

/** Files that take so long that they are better one of many than one of a few. */
const LONG = new Set([
  'purges',
  'process',
  'mail-delivery',
  'new-module',
  'races',
  'schedules',
  'keys',
  'forged-tokens',
]);

const runsAlone = (file: string, root: string): boolean =>
  LONG.has(basename(file, '.test.ts')) || ALONE.some((pattern) => pattern.test(readFileSync(join(root, file), 'utf8')));

/**
 * Puts files together that can share a process, in their order: starting one for each would take a third of a run. Writes modules to `folder`
 * that load them, and returns what is to be run; a group stands where its first file stood.
 */
export function groupFiles(files: readonly string[], { root, folder }: { root: string; folder: string }): string[] {
  mkdirSync(folder);
  const entries: (string | string[])[] = [];
  const open = new Map<string, string[]>();
  for (const file of files) {
    if (runsAlone(file, root)) {
      entries.push(file);
      continue;
    }
    const kind = file.startsWith('server/test/') ? 'server' : 'parts';
    const group = open.get(kind) ?? [];
    if (group.length === 0) entries.push(group);
    group.push(file);
    open.set(kind, group.length < (kind === 'server' ? OF_THE_SERVER : OF_PARTS) ? group : []);
  }
  return entries.map((entry) => (typeof entry === 'string' ? entry : writeGroup(entry, { root, folder })));
}

function writeGroup(files: readonly string[], { root, folder }: { root: string; folder: string }): string {
  const [first = ''] = files;
  if (files.length === 1) return first;
  const name = `${dirname(first).replaceAll('/', '-')}-${basename(first, '.test.ts')}-and-${files.length - 1}-more.test.mjs`;
  const path = join(folder, name);
  // One after the other, so that their tests come in the order of the files.
  const imports = files.map((file) => `await import(${JSON.stringify(pathToFileURL(join(root, file)))});\n`);
  writeFileSync(path, imports.join(''));
  return path;
}
