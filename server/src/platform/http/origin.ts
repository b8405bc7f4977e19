import type { FastifyRequest } from 'fastify';
import type { Config } from '../config/config.ts';
import { platformErrors } from '../errors.ts';

/**
 * For routes that act on a cookie: the request must come from a page of ours (cross-site request forgery). An allowed
 * `Origin` shows that (RFC 6454, 7), or `Sec-Fetch-Site: same-origin`, which no script can set.
 * Throws `origin_refused`, also when neither is there: no browser that matters sends a POST without.
 */
export function demandSameOrigin(request: FastifyRequest, config: Config): void {
  const { origin } = request.headers;
  if (origin !== undefined && isAllowed(origin, config)) return;
  if (request.headers['sec-fetch-site'] === 'same-origin') return;
  throw platformErrors.origin_refused();
}

function isAllowed(origin: string, config: Config): boolean {
  return origin === new URL(config.publicUrl).origin || config.http.corsOrigins.includes(origin);
}
