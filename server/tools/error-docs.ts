import { readFileSync, writeFileSync } from 'node:fs';
import { errorTable } from '../src/errors.ts';
import type { ErrorTable } from '../src/platform/errors.ts';

const PAGE = new URL('../../docs/errors.md', import.meta.url);
const HEAD = '| code | status | title | meaning and remedy |\n|---|---|---|---|\n';
const ROW = /^\| `(\w+)` \| \d{3} \| .+? \| (.+) \|$/gm;

/** The page of error codes as it should be: what stands above its table, and a row for each code. Throws where nobody has said what a code means. */
export function errorDocs(page: string, errors: ErrorTable): string {
  const above = page.slice(0, page.indexOf(HEAD));
  const said = new Map(Array.from(page.matchAll(ROW), ([, code = '', help = '']) => [code, help]));
  const rows = Object.entries(errors).map(([code, { status, title, help = said.get(code) }]) => {
    if (!help) throw new Error(`${code} has no \`help\` in its error table.`);
    return `| \`${code}\` | ${status} | ${title} | ${help} |\n`;
  });
  return above + HEAD + rows.join('');
}

/** The page as it is. */
export function errorPage(): string {
  return readFileSync(PAGE, 'utf8');
}

// npm run docs
if (import.meta.main) writeFileSync(PAGE, errorDocs(errorPage(), errorTable));
