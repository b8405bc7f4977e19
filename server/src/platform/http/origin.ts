import type { FastifyRequest } from 'fastify';
import type { Config } from '../config/config.ts';
import { platformErrors } from '../errors.ts';

/**
 * Whether a request comes from a page of ours (cross-site request forgery). An allowed `Origin` shows that (RFC 6454, 7), or
 * `Sec-Fetch-Site: same-origin`, which no script can set. Where neither is there it does not: no browser that matters sends a POST without.
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
