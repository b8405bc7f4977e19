import { createHash } from 'node:crypto';
import type { ErrorTable } from '../errors.ts';
import type { HttpServer } from './routes.ts';

/** Where the `type` of every problem document leads. */
export const ERRORS_PATH = '/docs/errors';

const STYLE =
  'body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color-scheme:light dark}' +
  'td,th{text-align:left;vertical-align:top;padding:.25rem 1rem .25rem 0}:target{background:Mark;color:MarkText}';
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');
const POLICY = `default-src 'none'; img-src data:; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
const DAY_IN_CACHE = 'public, max-age=86400';

/** Serves the page of all error codes, also where there are no other docs: problem documents refer to it. */
export function registerErrorsPage(app: HttpServer, errorTable: ErrorTable): void {
  const page = Buffer.from(errorsPage(errorTable));
  const config = { access: 'public', limit: 'none', csp: POLICY } as const;
  app.get(ERRORS_PATH, { config, schema: { hide: true } }, (_request, reply) => {
    reply.type('text/html; charset=utf-8').header('cache-control', DAY_IN_CACHE).send(page);
  });
}

/** The page behind the `type` of a problem document: every code with its status and meaning, each with an anchor. */
function errorsPage(errors: ErrorTable): string {
  const rows = Object.entries(errors)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([code, { status, title }]) => {
      const cells = `<td><code>${escapeHtml(code)}</code></td><td>${status}</td><td>${escapeHtml(title)}</td>`;
      return `<tr id="${escapeHtml(code)}">${cells}</tr>`;
    });
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Error codes</title><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<style>${STYLE}</style></head>
<body><h1>Error codes</h1>
<table><thead><tr><th>Code</th><th>Status</th><th>Meaning</th></tr></thead><tbody>
${rows.join('\n')}
</tbody></table></body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
