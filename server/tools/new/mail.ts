import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inserted } from './insert.ts';
import { camel, namesOf, pascal, words } from './names.ts';

/**
 * Adds a mail to a module of `root` that follows from one of its events: a file of its own, its registration in the module's `index.ts`, and `mails` in
 * the module's call in `app.ts`. Answers the paths of all. Throws a `TypeError` for a name that cannot be one, or a module that is not there, and an `Error`
 * that says what to add by hand where the module is composed in another way.
 */
export function writeMailOf(root: string, [module, name, event]: readonly [string, string, string]): string[] {
  const { singular } = namesOf(name, `${name}-mails`);
  const folder = `server/src/modules/${module}`;
  const [path, index, app] = [`${folder}/${singular}.mail.ts`, `${folder}/index.ts`, 'server/src/app.ts'];
  if (!existsSync(join(root, index))) throw new TypeError(`There is no module "${module}".`);
  if (existsSync(join(root, path))) throw new TypeError(`The module "${module}" has a mail "${singular}" already.`);
  const types = existsSync(join(root, folder, 'event-types.ts')) ? read(root, `${folder}/event-types.ts`) : '';
  if (!types.includes(`'${event}'`)) throw new TypeError(`The module "${module}" writes no event "${event}".`);
  const mail = camel(singular);
  const changed = {
    [path]: mailSource(mail, event, words(singular)),
    [index]: withMail(read(root, index), { index, mail, file: singular }),
    [app]: withMails(read(root, app), { app, module }),
  };
  for (const [file, source] of Object.entries(changed)) writeFileSync(join(root, file), source);
  return Object.keys(changed);
}

const read = (root: string, path: string) => readFileSync(join(root, path), 'utf8');

function withMail(source: string, { index, mail, file }: { index: string; mail: string; file: string }): string {
  const add = inserted(source, { file: index, line: `  deps.mails.add({ ${mail} }, null);`, before: '  return {' });
  const importing = [`import { ${mail} } from './${file}.mail.ts';\n`];
  if (/\bmails: Mails\b/.test(add)) return withImports(add, importing);
  const typed = add.replace(/(deps: \{)(?=[\s\S]*\}\): Part)/, '$1 mails: Mails;');
  if (typed === add) throw new Error(`Add "mails: Mails" to the deps in ${index} by hand, and then run this again.`);
  return withImports(typed, [...importing, "import type { Mails } from '../mails/mails.ts';\n"]);
}

const withImports = (source: string, imports: readonly string[]): string =>
  source.replace(/^import .*\n(?!import)/m, (last) => last + imports.join(''));

/** Modules that take `mails` already, as all do that get `base`, stay as they are. */
function withMails(source: string, { app, module }: { app: string; module: string }): string {
  const call = new RegExp(`(create${pascal(module)}\\(\\{ \\.\\.\\.)(ground|base)(,)([^)]*)\\)`);
  const found = call.exec(source);
  if (!found) throw new Error(`Give "mails" to the module "${module}" in ${app} by hand, and then run this again.`);
  if (found[2] === 'base' || /\bmails\b/.test(found[4] ?? '')) return source;
  return source.replace(call, '$1$2, mails$3$4)');
}

const mailSource = (mail: string, event: string, said: string): string => `import type { Mail } from '../mails/mail.ts';
import type { Circumstances } from '../mails/phrases.ts';

/** Mailed to the owner of the record after \`${event}\`. */
export const ${mail}: Mail<unknown, Circumstances> = {
  on: ['${event}'],
  name: '${mail}',
  async letter({ owner, circumstances }) {
    const user = await owner();
    return user && { to: user.email, locale: user.locale, values: circumstances };
  },
  texts: {
    en: (circumstances, { hello, happened }) => ({
      subject: 'News: ${said}',
      blocks: [hello(), { says: 'This has happened in your account.' }, happened(circumstances)],
    }),
    zh: (circumstances, { hello, happened }) => ({
      subject: '通知：${said}',
      blocks: [hello(), { says: '您的账号中发生了以下事情。' }, happened(circumstances)],
    }),
  },
};
`;
