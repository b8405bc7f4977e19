import type { ErrorTable } from '../errors.ts';
import { html } from '../html.ts';
import { pagePolicy, renderPage } from './page.ts';
import type { HttpServer } from './routes.ts';

/** Where the `type` of every problem document leads. */
export const ERRORS_PATH = '/docs/errors';

const DAY_IN_CACHE = 'public, max-age=86400';

/** Serves the page of all error codes, also where there are no other docs: problem documents refer to it. */
export function registerErrorsPage(app: HttpServer, errorTable: ErrorTable): void {
  const page = Buffer.from(errorsPage(errorTable));
  const config = { access: 'public', limit: 'none', csp: pagePolicy() } as const;
  app.get(ERRORS_PATH, { config, schema: { hide: true } }, (_request, reply) => {
    reply.type('text/html; charset=utf-8').header('cache-control', DAY_IN_CACHE).send(page);
  });
}

/** The page behind the `type` of a problem document: every code with its status and meaning, each with an anchor. */
function errorsPage(errors: ErrorTable): string {
  const entries = Object.entries(errors)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(
      ([code, { status, title }]) => html`<div id="${code}">
<dt><a href="#${code}"><code>${code}</code></a> <span class="soft">${status}</span></dt>
<dd>${title}</dd>
</div>
`,
    );
  return renderPage({
    title: 'Error codes',
    wide: true,
    main: html`<h1>Error codes</h1>
<p class="soft">What the <code>code</code> of an answer means, with its HTTP status.</p>
<dl>${entries}</dl>`,
  });
}
