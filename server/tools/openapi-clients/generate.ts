import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../test-servers/server-process.ts';

const FOLDER = import.meta.dirname;
const MODULES = join(FOLDER, 'node_modules');
/** npm writes it last. */
const INSTALLED = join(MODULES, '.package-lock.json');

/**
 * Installs the client generators by their own lock file, unless that is done. They need the JavaScript API of TypeScript 5, which the
 * TypeScript of this repository has not. Throws what npm says.
 */
export async function prepareClients(): Promise<void> {
  if (await isInstalled()) return;
  await run(['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: FOLDER });
}

/** Whether what is installed is what the manifest asks for, and not what it asked for earlier. */
async function isInstalled(): Promise<boolean> {
  const installed = await readFile(INSTALLED, 'utf8').then(JSON.parse, () => null);
  if (installed === null) return false;
  const { devDependencies } = JSON.parse(await readFile(join(FOLDER, 'package.json'), 'utf8'));
  const versionOf = (name: string) => installed.packages[`node_modules/${name}`]?.version;
  return Object.entries(devDependencies).every(([name, version]) => versionOf(name) === version);
}

/**
 * Generates a client of this OpenAPI document with either generator, in an empty folder, and compiles the programs beside this file
 * against them. Answers what the compiler says; empty when all is well. Throws where a generator fails.
 */
export async function compileClients(document: string, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await cp(join(FOLDER, 'programs'), folder, { recursive: true });
  await symlink(MODULES, join(folder, 'node_modules'));
  await writeFile(join(folder, 'openapi.json'), document);
  const call = (script: string, ...args: string[]) =>
    run([process.execPath, join(MODULES, script), ...args], { cwd: folder });
  await call('openapi-typescript/bin/cli.js', 'openapi.json', '-o', 'schema.d.ts');
  await call('@hey-api/openapi-ts/bin/run.js', '-i', 'openapi.json', '-o', 'hey-api', '--no-log-file');
  return call('typescript/bin/tsc', '--project', '.', '--pretty', 'false').then(
    () => '',
    (error: Error) => error.message,
  );
}
