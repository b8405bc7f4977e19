/**
 * Whether this `Accept` field (RFC 9110, 12.5.1) asks for JSON rather than for a page: by name, and with no less weight than HTML. The
 * fields of browsers, and of clients that accept anything, do not.
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
