import { createHash } from 'node:crypto';
import { type Html, html, toMarkup, trustedHtml } from '../html.ts';

/**
 * Colours of both themes. The test of this file calculates that every pair of text and ground, and every edge of a control, has the contrast
 * of WCAG 2.2 AA.
 */
export const THEMES = {
  light: {
    ground: '#f8fbfa',
    card: '#ffffff',
    ink: '#162022',
    soft: '#515f61',
    line: '#dbe1e0',
    edge: '#7c898a',
    act: '#0a6a65',
    onAct: '#ffffff',
    chosen: '#ddf4f1',
    ring: '#0e837c',
    bad: '#b02b27',
    good: '#246e3a',
  },
  dark: {
    ground: '#0c1212',
    card: '#131a1b',
    ink: '#e9eeee',
    soft: '#9eacad',
    line: '#283234',
    edge: '#67787a',
    act: '#5dcfc3',
    onAct: '#021818',
    chosen: '#0f3230',
    ring: '#5bd5c8',
    bad: '#f7857d',
    good: '#6dd48d',
  },
};

const colours = (theme: Record<string, string>) =>
  Object.entries(theme)
    .map(([name, colour]) => `--${name}: ${colour};`)
    .join(' ');

const STYLE = `
:root { color-scheme: light dark; ${colours(THEMES.light)} }
@media (prefers-color-scheme: dark) { :root { ${colours(THEMES.dark)} } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
main { max-width: 27rem; margin: 0 auto; padding: 1.5rem 1rem; }
main.wide { max-width: 52rem; }
h1 { hyphens: auto; font-size: 1.375rem; line-height: 1.75rem; font-weight: 640; margin: 0 0 .5rem; text-wrap: balance; }
p { margin: 0 0 1rem; text-wrap: pretty; }
a { color: var(--act); text-underline-offset: .15em; }
.card, details { background: var(--card); border: 1px solid var(--line); border-radius: .625rem; padding: 1.5rem 1rem; }
.card > :last-child, noscript > :last-child, section > :last-child, form > :last-child { margin-bottom: 0; }
.soft { color: var(--soft); font-size: .875rem; line-height: 1.25rem; }
label { display: block; font-weight: 560; margin-bottom: .25rem; }
label.choice { display: flex; align-items: center; gap: .75rem; min-height: 2.75rem; margin-bottom: 1rem; font-weight: 400; cursor: pointer; }
.optional { color: var(--soft); font-weight: 400; }
.field { margin-bottom: 1.25rem; }
.field > p { margin: .375rem 0 0; }
input { accent-color: var(--act); }
input[type=checkbox] { flex: none; width: 1.25rem; height: 1.25rem; margin: 0; }
input:not([type=checkbox]) { display: block; width: 100%; min-height: 2.75rem; font: inherit; color: inherit; background: var(--card); border: 1px solid var(--edge); border-radius: .375rem; padding: .5rem .75rem; }
input.code { font-family: ui-monospace, monospace; }
input[aria-invalid=true] { border-color: var(--bad); box-shadow: inset 0 0 0 1px var(--bad); }
button { width: 100%; min-height: 2.75rem; font: inherit; font-weight: 640; color: var(--onAct); background: var(--act); border: 1px solid transparent; border-radius: .375rem; padding: .5rem 1rem; cursor: pointer; }
button[aria-disabled=true] { opacity: .7; cursor: progress; }
:focus-visible { outline: 2px solid var(--ring); outline-offset: 2px; }
[hidden] { display: none !important; }
fieldset { min-width: 0; margin: 0; padding: 0; border: 0; }
legend { padding: 0; margin-bottom: 1rem; }
.fault, #problem { color: var(--bad); white-space: pre-line; }
.fault { font-size: .875rem; line-height: 1.25rem; }
.fault:empty, #problem:empty { display: none; }
h1[tabindex] { outline: none; }
#done h1 { color: var(--good); }
ul.links { list-style: none; margin: 0; padding: 0; }
ul.links a { display: flex; align-items: center; min-height: 2.75rem; }
ul.links li + li { border-top: 1px solid var(--line); }
dl { margin: 0; }
dl > div { padding: .75rem 1rem; margin: 0 -1rem; border-top: 1px solid var(--line); border-radius: .375rem; }
dl > div:target { background: var(--chosen); scroll-margin-top: 1rem; }
dt { display: flex; flex-wrap: wrap; gap: 0 .75rem; font-weight: 560; }
dt a { color: inherit; text-decoration: none; overflow-wrap: anywhere; }
dt a:hover { text-decoration: underline; }
dd { margin: 0; }
code { font: .875em/inherit ui-monospace, monospace; }
details { padding: 0; margin-bottom: .75rem; overflow: hidden; }
summary { padding: .75rem 1rem; cursor: pointer; overflow-wrap: anywhere; }
summary:focus-visible { outline-offset: -2px; border-radius: .625rem; }
details > div { padding: 0 1rem 1rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: .875rem/1.5 ui-monospace, monospace; border: 1px solid var(--line); border-radius: .375rem; padding: .75rem; margin: 0 0 1rem; }
iframe { display: block; width: 100%; height: 26rem; border: 1px solid var(--line); border-radius: .375rem; background: #fff; color-scheme: light; }
@media (min-width: 30rem) {
  main { padding: 3rem 1rem; }
  .card { padding: 2rem; }
}
@media (forced-colors: active) { button { border-color: ButtonBorder; } }
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
