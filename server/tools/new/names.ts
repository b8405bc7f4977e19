/** The forms of a module's name: of `site-visit`, `siteVisit`, `SiteVisits`, `site_visits` … */
export interface Names {
  /** Lower-case words joined by `-`. */
  singular: string;
  plural: string;
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const LONGEST = 30;

/** JavaScript's own words, which no variable can have as a name. */
const RESERVED = new Set(
  (
    'abstract any arguments as async await boolean break case catch class const continue debugger declare default delete do else enum eval export extends false ' +
    'finally for from function get global if implements import in instanceof interface let module namespace new null number object of package private protected ' +
    'public require return set static string super switch symbol this throw true try type typeof undefined unknown var void while with yield'
  ).split(' '),
);

/** Throws a TypeError that says what a name must be; `plural` is guessed unless it is given. */
export function namesOf(singular: string, plural: string = pluralOf(singular)): Names {
  for (const name of [singular, plural]) {
    if (!NAME.test(name) || name.length > LONGEST) {
      throw new TypeError(
        `A module is named by at most ${LONGEST} lower-case letters, in words joined by "-", such as site or site-visit; ${JSON.stringify(name)} is not.`,
      );
    }
    if (RESERVED.has(name)) throw new TypeError(`"${name}" is a word of JavaScript; choose another name.`);
  }
  if (singular === plural) throw new TypeError(`"${singular}" is its own plural; give another one by --plural.`);
  return { singular, plural };
}

function pluralOf(singular: string): string {
  if (/[^aeiou]y$/.test(singular)) return singular.replace(/y$/, 'ies');
  return /(?:s|x|z|ch|sh)$/.test(singular) ? `${singular}es` : `${singular}s`;
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
export const pascal = (name: string): string => name.split('-').map(capital).join('');
export const camel = (name: string): string => pascal(name).replace(/^./, (first) => first.toLowerCase());
export const snake = (name: string): string => name.replaceAll('-', '_');
export const words = (name: string): string => name.replaceAll('-', ' ');
