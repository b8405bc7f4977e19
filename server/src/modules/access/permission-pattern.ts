/** The methods of routes; HEAD counts as GET. */
export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

const ALL = '*';
const SEGMENT = String.raw`(?:\*|[^\s\p{Cc}/*:]+)`;

/**
 * The syntax of what a role grants: `*`, or a method (or `*`) and a path, such as `GET:/api/v1/admin/users/{id}`. A trailing `*` in the
 * path stands for one or more segments, an inner `*` for exactly one.
 */
export const PERMISSION_PATTERN = String.raw`^(?:\*|(?:\*|GET|POST|PUT|PATCH|DELETE):(?:/|(?:/${SEGMENT})+))$`;

interface Parts {
  method: string;
  segments: string[];
  /** The path ends in `*`, which stands for one or more further segments. */
  open: boolean;
}

function partsOf(pattern: string): Parts {
  const colon = pattern.indexOf(':');
  const path = pattern.slice(colon + 2);
  const segments = path === '' ? [] : path.split('/');
  const open = segments.at(-1) === ALL;
  return { method: pattern.slice(0, colon), segments: open ? segments.slice(0, -1) : segments, open };
}

/**
 * Whether `outer` matches every code that `inner` can match, including codes of future routes. A code is a pattern that matches only
 * itself, so this also tells whether a pattern matches a code.
 */
export function covers(outer: string, inner: string): boolean {
  if (outer === ALL || outer === inner) return true;
  if (inner === ALL) return false;
  const [a, b] = [partsOf(outer), partsOf(inner)];
  if (a.method !== ALL && a.method !== b.method) return false;
  // A trailing `*` stands for at least one segment, in both patterns.
  const reaches = a.open
    ? b.segments.length + (b.open ? 1 : 0) > a.segments.length
    : !b.open && b.segments.length === a.segments.length;
  return reaches && a.segments.every((segment, index) => segment === ALL || segment === b.segments[index]);
}

/** Splits a pattern of all methods into one for each method, so that five patterns can cover it together. */
export function byMethod(pattern: string): string[] {
  return pattern.startsWith('*:') ? METHODS.map((method) => `${method}${pattern.slice(1)}`) : [pattern];
}

/** Whether a pattern is a code, which matches only itself. */
export function isExact(pattern: string): boolean {
  return !pattern.includes(ALL);
}
