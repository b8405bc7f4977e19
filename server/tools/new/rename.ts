import { camel, type Names, pascal, snake, words } from './names.ts';

/** Comments, strings of all kinds, and the code between them. */
const TOKENS = /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<string>'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)/g;
/** The names of the example, in every form in which its files have them. */
const EXAMPLE = /\bNOTE|[nN]otes?/g;
const IDENTIFIER = /[A-Za-z_$][\w$]*/g;

/** The source of the example, `notes`, as that of another module. */
export function renamed(source: string, names: Names): string {
  let result = '';
  let end = 0;
  for (const match of source.matchAll(TOKENS)) {
    result += inCode(source.slice(end, match.index), names);
    const [text] = match;
    result += match.groups?.comment === undefined ? inString(text, names) : inProse(text, names);
    end = match.index + text.length;
  }
  return result + inCode(source.slice(end), names);
}

/** The path of a file of the example. */
export const renamedPath = (path: string, { singular, plural }: Names): string =>
  path.replace(EXAMPLE, (found) => (found.endsWith('s') ? plural : singular));

/** What the code of the example calls by names that are not the example's own: no module may have one of them. */
export function wordsOf(sources: readonly string[]): Set<string> {
  const found = sources.flatMap((source) => source.replaceAll(TOKENS, ' ').match(IDENTIFIER) ?? []);
  return new Set(found.filter((word) => !/note/i.test(word)));
}

/** The names that a module's own code gives to things. */
export function identifiersOf({ singular, plural }: Names): string[] {
  return [camel(singular), camel(plural), pascal(singular), pascal(plural)];
}

function inCode(code: string, names: Names): string {
  // Tables and codes of errors are no variables.
  const tables = code.replace(/\bnotes: NoteRow\b/, () => `${snake(names.plural)}: ${pascal(names.singular)}Row`);
  return identifier(
    tables.replaceAll(/\bnote(?=_)/g, () => snake(names.singular)),
    names,
  );
}

const identifier = (code: string, { singular, plural }: Names): string =>
  code.replace(EXAMPLE, (found) => {
    const name = found.endsWith('s') ? plural : singular;
    return found.startsWith('N') ? pascal(name) : camel(name);
  });

function inString(text: string, names: Names): string {
  const { singular, plural } = names;
  const lower = (change: (name: string) => string) => (found: string) =>
    found.startsWith('N')
      ? pascal(found.endsWith('s') ? plural : singular)
      : change(found.endsWith('s') ? plural : singular);
  const inside = text.slice(1, -1);
  if (inside.includes('/'))
    return text.replace(
      EXAMPLE,
      lower((name) => name),
    );
  // Of a template, what stands in `${…}` is code.
  if (text.startsWith('`')) {
    return text.replaceAll(/\$\{[^}]*\}|[^$]+|\$/g, (part) =>
      part.startsWith('${') ? identifier(part, names) : part.replace(EXAMPLE, lower(snake)),
    );
  }
  // Jobs have the name of their module.
  if (/^notes\.[a-z]+$/.test(inside)) return text.replace(EXAMPLE, () => plural);
  if (/^[a-z_.:]+$/.test(inside)) return text.replace(EXAMPLE, lower(snake));
  if (/^\w+$/.test(inside)) return identifier(text, names);
  return inProse(text, names);
}

/** Sentences: `a note`, `Notes on SQL`; names in them that are code. */
function inProse(text: string, names: Names): string {
  const { singular, plural } = names;
  const article = /^[aeiou]/.test(singular) ? 'an' : 'a';
  return text
    .replaceAll(/`[^`]*`/g, (code) => (/[(.{]/.test(code) ? identifier(code, names) : inString(code, names)))
    .replaceAll(/\b([aA])n? note\b/g, (_, a: string) => `${a}${article.slice(1)} ${words(singular)}`)
    .replaceAll(/\b([nN])ote(s?)\b/g, (_, n: string, s: string) => {
      const name = words(s === '' ? singular : plural);
      return n === 'N' ? name.slice(0, 1).toUpperCase() + name.slice(1) : name;
    })
    .replaceAll(/Note(s?)(?=[A-Z])/g, (_, s: string) => pascal(s === '' ? singular : plural));
}
