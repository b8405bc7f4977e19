import type { FastifyRequest } from 'fastify';
import type { Config } from '../config/config.ts';
import { platformErrors } from '../errors.ts';
import type { Access } from './caller.ts';

/**
 * Whether a request comes from one of our pages (protection against cross-site request forgery): it has an allowed `Origin`
 * (RFC 6454, 7), or `Sec-Fetch-Site: same-origin`, which no script can set. Every relevant browser sends one of them with a POST.
 */
export function isSameOrigin({ headers }: FastifyRequest, config: Config): boolean {
  if (headers.origin !== undefined && isAllowed(headers.origin, config)) return true;
  return headers['sec-fetch-site'] === 'same-origin';
}

/** For routes that act on a cookie. Throws `origin_refused`. */
export function demandSameOrigin(request: FastifyRequest, config: Config): void {
  if (!isSameOrigin(request, config)) throw platformErrors.origin_refused();
}

/**
 * Throws `origin_refused` for what a page of another site can send without asking first: a form, or nothing at all. Its visitors would
 * otherwise be counted for it, and wait with their own sign-in. JSON and `Authorization` need a CORS preflight in a browser; programs
 * that send neither `Origin` nor `Sec-Fetch-Site` may send forms.
 */
export function refuseForeignForm(request: FastifyRequest, config: Config): void {
  const { authorization, origin, 'content-type': type = '', 'sec-fetch-site': site } = request.headers;
  if (authorization !== undefined || /^application\/json\s*(?:;|$)/i.test(type)) return;
  if (origin === undefined && site !== 'cross-site') return;
  demandSameOrigin(request, config);
}

/** Whether a route does something for a POST that any page can make: one without a credential of its own. */
export const takesForeignPosts = (access: Access, method: string): boolean =>
  method === 'POST' && (access === 'public' || access === 'optional');

function isAllowed(origin: string, config: Config): boolean {
  return origin === new URL(config.publicUrl).origin || config.http.corsOrigins.includes(origin);
}
