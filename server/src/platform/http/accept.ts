/**
 * Whether a client that sent this `Accept` field (RFC 9110, 12.5.1) asked for JSON rather than for a page: by name, and no less
 * than for HTML. A browser did not, and neither did a client that takes anything.
 */
export function prefersJson(accept: string | undefined): boolean {
  const json = qualityOf('application/json', accept ?? '');
  return json > 0 && json >= qualityOf('text/html', accept ?? '');
}

function qualityOf(type: string, accept: string): number {
  for (const range of accept.split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    if (name !== type) continue;
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    return weight === undefined ? 1 : Number(weight.slice(2)) || 0;
  }
  return 0;
}
