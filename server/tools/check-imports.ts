import { globSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join, posix } from 'node:path';

export interface Import {
  /** As written: `./sessions.ts`, `node:fs`, `fastify`. */
  specifier: string;
  /** False if only types are imported and nothing is loaded. */
  loads: boolean;
}

const STATIC_IMPORT = /^(?:import|export)\b(?:[^;'"`]*\bfrom)?\s*['"]([^'"`]+)['"]/gm;
const CALLED_IMPORT = /\b(?:import|require)\(\s*['"`]([^'"`]+)['"`]/g;
const TYPES_ONLY = /^(?:import|export)\s+type\b/;

/** The static imports of the code, without those shown in strings or comments. */
function staticImports(source: string): Import[] {
  const found: (Import & { mark: string })[] = [];
  const marked = source.replace(STATIC_IMPORT, (written, specifier: string) => {
    const mark = `mark_${found.length}_`;
    found.push({ specifier, loads: !TYPES_ONLY.test(written), mark });
    return `import type { ${mark} } from './mark.ts'`;
  });
  // Type stripping is the parser here: it removes a mark from code, and leaves it in text.
  const stripped = stripTypeScriptTypes(marked);
  return found.filter(({ mark }) => !stripped.includes(mark)).map(({ specifier, loads }) => ({ specifier, loads }));
}

/** Calls of `import` and `require` with a fixed name; those in types disappear when types are stripped. */
function calledImports(source: string): Import[] {
  const names = (code: string) => Array.from(code.matchAll(CALLED_IMPORT), ([, specifier = '']) => specifier);
  const loaded = new Set(names(stripTypeScriptTypes(source)));
  return names(source).map((specifier) => ({ specifier, loads: loaded.has(specifier) }));
}

/** Every import of a TypeScript source, with duplicates, and whether it loads the module. */
export function importsOf(source: string): Import[] {
  return [...staticImports(source), ...calledImports(source)];
}

/** The layer of a file of `server/`. Test files and tools may import anything. */
type Place =
  | { layer: 'platform' | 'storage' | 'app' | 'main' | 'test' }
  | { layer: 'module'; module: string; vocabulary: boolean }
  | { layer: 'outside' };

const TOP_FILES: Record<string, 'storage' | 'app' | 'main'> = {
  'storage.ts': 'storage',
  'open-storage.ts': 'storage',
  'app.ts': 'app',
  'main.ts': 'main',
  'primary.ts': 'main',
  'worker.ts': 'main',
  'cli.ts': 'main',
};

/** A module's wire shapes, names and error codes contain no state and do no I/O; other modules may import them. */
const VOCABULARY = /^src\/modules\/[^/]+\/(?:schemas|names|errors)\.ts$/;

/** The layer of the file at `path` (relative to `server/`, with `/`). */
function placeOf(path: string): Place {
  if (/\.(?:test|contract|matrix)\.ts$/.test(path) || path.startsWith('test/')) return { layer: 'test' };
  const [root, folder = '', module] = path.split('/');
  if (root !== 'src') return { layer: 'outside' };
  if (folder === 'platform') return { layer: 'platform' };
  if (folder === 'modules' && module !== undefined) {
    return { layer: 'module', module, vocabulary: VOCABULARY.test(path) };
  }
  // Any other file beside app.ts is part of the composition.
  return { layer: TOP_FILES[folder] ?? 'app' };
}

const RANK = { platform: 0, module: 1, storage: 2, app: 3, main: 4 } as const;

/** Why a file of `from` must not import one of `to`; null if it may. */
function objection(from: Place, to: Place, loads: boolean): string | null {
  if (from.layer === 'test' || from.layer === 'outside') return null;
  if (to.layer === 'test') return 'is test code';
  if (to.layer === 'outside') return 'is not part of the server';
  if (from.layer === 'module') {
    if (to.layer === 'platform' || (to.layer === 'module' && (to.module === from.module || to.vocabulary))) return null;
    if (to.layer === 'module' || to.layer === 'storage') {
      return loads ? 'is not its own: use `import type`, and receive the value through the create function' : null;
    }
  }
  return RANK[to.layer] > RANK[from.layer] ? `is above ${from.layer}/` : null;
}

const FRONT_DOOR = /^src\/modules\/([^/]+)\/index\.ts$/;

/** Why `app.ts` must not load the file at `target`, where its module has a front door. */
function sideEntrance(path: string, target: string, loads: boolean, files: Map<string, string>): string | null {
  const to = placeOf(target);
  if (path !== 'src/app.ts' || !loads || to.layer !== 'module' || FRONT_DOOR.test(target)) return null;
  const door = `src/modules/${to.module}/index.ts`;
  return files.has(door) ? `is inside a module: take it from server/${door}` : null;
}

/**
 * The imports that violate `main → app → modules → platform`, and those of `app.ts` that bypass a front door, one line each. `files` maps paths relative to
 * `server/` to their sources.
 */
export function findOffenders(files: Map<string, string>): string[] {
  return [...files].flatMap(([path, source]) =>
    importsOf(source)
      .filter(({ specifier }) => specifier.startsWith('.'))
      .map(({ specifier, loads }) => ({ target: posix.join(posix.dirname(path), specifier), loads }))
      .filter(({ target }) => !target.endsWith('.json'))
      .map(({ target, loads }) => ({
        target,
        why: objection(placeOf(path), placeOf(target), loads) ?? sideEntrance(path, target, loads, files),
      }))
      .filter(({ why }) => why !== null)
      .map(({ target, why }) => `server/${path} imports server/${target}, which ${why}`),
  );
}

/**
 * What an example imports although it is not of Node.js, of the package `ostiary`, or its own, one line each: an example is a project outside of this
 * repository. `files` maps paths relative to `examples/` to their sources.
 */
export function findExampleOffenders(files: Map<string, string>): string[] {
  return [...files].flatMap(([path, source]) => {
    const [example = ''] = path.split('/');
    const isOwn = (specifier: string) => posix.join(posix.dirname(path), specifier).startsWith(`${example}/`);
    return importsOf(source)
      .filter(({ specifier }) => specifier !== 'ostiary' && !specifier.startsWith('node:'))
      .filter(({ specifier }) => !specifier.startsWith('.') || !isOwn(specifier))
      .map(({ specifier }) => `examples/${path} imports ${specifier}, which users of the package have not`);
  });
}

/** The sources of the examples below `folder` (a path), by their paths relative to it. */
export function readExamples(folder: string): Map<string, string> {
  const paths = globSync('**/*.ts', { cwd: folder, exclude: ['**/node_modules/**'] }).sort();
  return new Map(paths.map((path) => [path, readFileSync(join(folder, path), 'utf8')]));
}

/** The sources below `server` (a path), by their paths relative to it; folders of other packages are left out. */
export function readSources(server: string): Map<string, string> {
  const paths = globSync('{src,test,tools}/**/*.ts', { cwd: server, exclude: ['**/node_modules/**'] }).sort();
  return new Map(paths.map((path) => [path, readFileSync(join(server, path), 'utf8')]));
}

/** The paths in `files` that load one of `targets`, directly or through others; `targets` included. */
export function whatLoads(targets: string[], files: Map<string, string>): Set<string> {
  const edges = [...files].flatMap(([path, source]) =>
    importsOf(source)
      .filter(({ specifier, loads }) => loads && specifier.startsWith('.'))
      .map(({ specifier }) => ({ path, target: posix.join(posix.dirname(path), specifier) })),
  );
  const reached = new Set(targets);
  for (let before = -1; before !== reached.size; ) {
    before = reached.size;
    for (const { path, target } of edges) if (reached.has(target)) reached.add(path);
  }
  return reached;
}

// node check-imports.ts [server folder]
if (import.meta.main) {
  const server = process.argv[2] ?? join(import.meta.dirname, '..');
  const files = readSources(server);
  const examples = readExamples(join(server, '../examples'));
  const offenders = [...findOffenders(files), ...findExampleOffenders(examples)];
  for (const line of offenders) console.error(line);
  console.log(`check-imports: ${files.size + examples.size} files, ${offenders.length} offenders`);
  process.exitCode = offenders.length === 0 && files.size > 0 ? 0 : 1;
}
