/** The methods that routes have; HEAD is asked for as GET. */
export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

const ALL = '*';
const SEGMENT = String.raw`(?:\*|[^\s\p{Cc}/*:]+)`;

/**
 * The form of what a role grants: `*`, or a method (or `*`) and a path, `GET:/api/v1/admin/users/{id}`. Of a path, a trailing `*` is
 * the rest, one segment or more; an inner `*` is any one segment.
 */
export const PERMISSION_PATTERN = String.raw`^(?:\*|(?:\*|GET|POST|PUT|PATCH|DELETE):(?:/|(?:/${SEGMENT})+))$`;

interface Parts {
  method: string;
  segments: string[];
  /** Ends in `*`: any path that begins so and goes on. */
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
 * Whether every code that `inner` can stand for, of routes of today and of tomorrow, is one that `outer` stands for. A code is a pattern
 * that stands for itself, so this also says whether a pattern matches a code.
 */
export function covers(outer: string, inner: string): boolean {
  if (outer === ALL || outer === inner) return true;
  if (inner === ALL) return false;
  const [a, b] = [partsOf(outer), partsOf(inner)];
  if (a.method !== ALL && a.method !== b.method) return false;
  // The rest is one segment at least, of either.
  const reaches = a.open
    ? b.segments.length + (b.open ? 1 : 0) > a.segments.length
    : !b.open && b.segments.length === a.segments.length;
  return reaches && a.segments.every((segment, index) => segment === ALL || segment === b.segments[index]);
}

/** The patterns of single methods that a pattern of all methods is; so that five of those cover it together. */
export function byMethod(pattern: string): string[] {
  return pattern.startsWith('*:') ? METHODS.map((method) => `${method}${pattern.slice(1)}`) : [pattern];
}

/** Whether a pattern stands for one code only. */
export function isExact(pattern: string): boolean {
  return !pattern.includes(ALL);
}
