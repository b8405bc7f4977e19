import type { FastifyRequest } from 'fastify';
import type { Config } from '../config/config.ts';
import { platformErrors } from '../errors.ts';

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

function isAllowed(origin: string, config: Config): boolean {
  return origin === new URL(config.publicUrl).origin || config.http.corsOrigins.includes(origin);
}
