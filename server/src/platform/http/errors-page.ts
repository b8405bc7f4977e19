import type { ErrorTable } from '../errors.ts';

/** The page behind the `type` of a problem document: every code with its status and meaning, each with an anchor. */
export function errorsPage(errors: ErrorTable): string {
  const rows = Object.entries(errors)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([code, { status, title }]) => {
      const cells = `<td><code>${escapeHtml(code)}</code></td><td>${status}</td><td>${escapeHtml(title)}</td>`;
      return `<tr id="${escapeHtml(code)}">${cells}</tr>`;
    });
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Error codes</title><meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}td,th{text-align:left;padding:.25rem 1rem .25rem 0}:target{background:#ff9}</style></head>
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
