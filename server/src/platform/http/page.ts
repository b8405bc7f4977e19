import { createHash } from 'node:crypto';
import { type Html, html, toMarkup, trustedHtml } from '../html.ts';

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2127; --soft: #59636e; --line: #d1d9e0; --ground: #f6f8fa; --card: #fff; --act: #0b57d0; --on-act: #fff; --bad: #b3261e; --good: #146c2e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --ground: #0d1117; --card: #161b22; --act: #8ab4f8; --on-act: #0d1117; --bad: #ff8a80; --good: #7ee2a0; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 26rem; margin: 0 auto; padding: 2.5rem 1rem; }
main.wide { max-width: 52rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; }
p { margin: 0 0 1rem; }
a { color: var(--act); }
.card, details { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.5rem; }
.soft { color: var(--soft); font-size: .875rem; }
label { display: block; font-weight: 600; margin-bottom: .25rem; }
label.choice { font-weight: 400; margin-bottom: 1rem; }
input:not([type=checkbox]) { width: 100%; font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--soft); border-radius: .375rem; padding: .5rem .75rem; margin-bottom: 1rem; }
button { width: 100%; font: inherit; font-weight: 600; color: var(--on-act); background: var(--act); border: 0; border-radius: .375rem; padding: .625rem 1rem; cursor: pointer; }
button:disabled { opacity: .6; cursor: default; }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px; }
[hidden] { display: none !important; }
fieldset { margin: 0; padding: 0; border: 0; }
#problem { color: var(--bad); white-space: pre-line; }
#problem:empty { display: none; }
#done h1 { color: var(--good); outline: none; }
ul.links { list-style: none; margin: 0; padding: 0; }
ul.links li + li { margin-top: .5rem; }
details { padding: 0; margin-bottom: .75rem; overflow: hidden; }
summary { padding: .875rem 1.25rem; cursor: pointer; overflow-wrap: anywhere; }
details > div { padding: 0 1.25rem 1.25rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: .875rem/1.5 ui-monospace, monospace; border: 1px solid var(--line); border-radius: .375rem; padding: .75rem; margin: 0 0 1rem; }
iframe { display: block; width: 100%; height: 26rem; border: 1px solid var(--line); border-radius: .375rem; background: #fff; color-scheme: light; }
`;

export interface PageParts {
  title: string;
  main: Html;
  /** Runs at the end of the body; must not contain `</script`. */
  script?: string;
  wide?: boolean;
  /** Allows style attributes: for a framed mail, which is under the policy of its page. */
  styleAttributes?: boolean;
}

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const STYLE_HASH = hashOf(STYLE);

/**
 * The policy of a page with this script, for `config.csp` of its route: it may use our style and that script, by their hashes, and
 * call this server. No form is sent without the script, so that no password is ever put into a URL.
 */
export function pagePolicy({
  script,
  styleAttributes = false,
}: Pick<PageParts, 'script' | 'styleAttributes'> = {}): string {
  return [
    "default-src 'none'",
    `style-src ${STYLE_HASH}`,
    ...(styleAttributes ? ["style-src-attr 'unsafe-inline'"] : []),
    ...(script === undefined ? [] : [`script-src ${hashOf(script)}`, "connect-src 'self'"]),
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
}

/** A complete page without external resources; use it with `pagePolicy` of the same script. */
export function renderPage({ title, main, script, wide = false }: PageParts): string {
  const end = script === undefined ? null : html`<script>${trustedHtml(script)}</script>`;
  return toMarkup(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${trustedHtml(STYLE)}</style>
</head>
<body>
<main class="${wide ? 'wide' : 'narrow'}">
${main}
</main>
${end}
</body>
</html>
`);
}
