import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Insertion, inserted } from './insert.ts';
import { camel, type Names, namesOf, pascal } from './names.ts';
import { identifiersOf, renamed, renamedPath, wordsOf } from './rename.ts';

/** The page whose code is the module that is written: so there is one example, and it is the one that people read. */
const PAGE = 'docs/adding-a-module.md';
/** A block of it that is a whole file says so in its first line. */
const BLOCK = /```ts\n\/\/ (server\/src\/modules\/notes\/\S+)\n([\s\S]*?)```/g;

interface File {
  path: string;
  source: string;
}

/** The files of the example. */
export function exampleOf(page: string): File[] {
  return [...page.matchAll(BLOCK)].map(([, path = '', source = '']) => ({ path, source }));
}

/**
 * Writes a module into `root`, a folder with the repository, and the lines that name it into the lists of existing files; answers the paths of all.
 * Throws a `TypeError` for a name that cannot be one, or is taken; then nothing was written.
 */
export function writeModule(root: string, singular: string, { plural, now }: { plural?: string; now: Date }): string[] {
  const names = namesOf(singular, plural);
  const example = exampleOf(readFileSync(join(root, PAGE), 'utf8'));
  const taken = wordsOf(example.map(({ source }) => source));
  const clash = identifiersOf(names).find((name) => taken.has(name));
  if (clash !== undefined)
    throw new TypeError(`Every module needs the word "${clash}" for itself; choose another name.`);
  if (existsSync(join(root, 'server/src/modules', names.plural))) {
    throw new TypeError(`There is a module "${names.plural}" already.`);
  }
  const time = now.toISOString().slice(0, 16).replaceAll(/[-:T]/g, '');
  const files = example.map(({ path, source }) => ({
    path: renamedPath(path, names).replace('<time>', time),
    source: renamed(source, names),
  }));
  // All of them before anything is written: a place that is not found leaves nothing half.
  const lists = insertionsOf(names).reduce((edited, insertion) => {
    const { file } = insertion;
    const source = edited.get(file) ?? readFileSync(join(root, file), 'utf8');
    return edited.set(file, inserted(source, insertion));
  }, new Map<string, string>());
  const all = [...files, ...[...lists].map(([path, source]) => ({ path, source }))];
  for (const { path, source } of all) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), source);
  }
  return all.map(({ path }) => path);
}

/** The lines of the page's table. */
function insertionsOf({ singular, plural }: Names): Insertion[] {
  const [one, all, All] = [camel(singular), camel(plural), pascal(plural)];
  const folder = `./modules/${plural}`;
  const app = 'server/src/app.ts';
  const errors = 'server/src/errors.ts';
  return [
    { file: app, line: `import { create${All} } from '${folder}/index.ts';`, before: 'import { createMailboxPage }' },
    {
      file: app,
      line: `  const ${all} = create${All}({ ...ground, store: storage.${all}, jobs, list });`,
      before: '  const realtime = ',
    },
    { file: app, line: `    ${all},`, before: '    createPages(', within: '  const parts: Part[] = [' },
    { file: errors, line: `import { ${one}Errors } from '${folder}/errors.ts';`, before: 'import { mergeErrors' },
    { file: errors, line: `  ${one}Errors,`, before: ');', within: 'export const errorTable' },
    {
      file: 'server/src/storage.ts',
      line: `export { ${all} } from '${folder}/stores.ts';`,
      before: 'export { users }',
    },
    {
      file: 'server/src/storage.test.ts',
      line: `  ${all}: [import('${folder}/${singular}-store.contract.ts')],`,
      before: '};',
      within: 'const CONTRACTS',
    },
    {
      file: 'server/src/tags.ts',
      line: `  { name: '${All}', description: 'What users write down.' },`,
      before: '];',
      within: 'export const TAGS',
    },
  ];
}
