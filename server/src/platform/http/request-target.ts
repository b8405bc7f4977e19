import type { IncomingMessage } from 'node:http';

/** `absolute-form` (RFC 9112, 3.2.2): authority, and path with query. No user information (RFC 9110, 4.2.4). */
const ABSOLUTE = /^https?:\/\/([^/?#@\s]+)((?:[/?].*)?)$/i;

/**
 * The path and query of a request, before it is routed. Where the target is absolute, its host takes the place of `Host`, which RFC 9112
 * (3.2.2) says to ignore: a cache or proxy in front went by the target. A target of any other form stays, and is refused on arrival.
 */
export function originForm(request: IncomingMessage): string {
  const { url = '/', headers, httpVersion } = request;
  if (url.startsWith('/')) return url;
  const [, authority, rest = ''] = ABSOLUTE.exec(url) ?? [];
  if (authority === undefined || (headers.host === undefined && httpVersion !== '1.0')) return url;
  headers.host = authority;
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** Whether what came of a target is a path, or the `*` of OPTIONS (RFC 9112, 3.2.4). */
export const isRoutable = ({ url = '/', method }: IncomingMessage): boolean =>
  url.startsWith('/') || (url === '*' && method === 'OPTIONS');
