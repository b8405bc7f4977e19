import type { onRequestHookHandler } from 'fastify';

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
const REQUEST_HEADERS = 'Authorization, Content-Type, X-Request-Id';
const EXPOSED =
  'X-Request-Id, Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, RateLimit, RateLimit-Policy';
/** Seconds that a browser may remember the answer to a preflight request. */
const PREFLIGHT_AGE = '600';

/**
 * Lets pages of exactly these origins call with credentials (Fetch standard, 3.2). Preflight requests are answered here,
 * before any guard: they carry no credentials. `@fastify/cors` does the same, but works on requests without `Origin` too,
 * at a tenth of the throughput. `Vary: Origin` comes with the fields that every answer carries.
 */
export function createCors(origins: string[]): onRequestHookHandler {
  const allowed = new Set(origins);
  return (request, reply, done) => {
    const { origin } = request.headers;
    if (origin === undefined || !allowed.has(origin)) return done();
    reply.header('access-control-allow-origin', origin);
    reply.header('access-control-allow-credentials', 'true');
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
      reply.header('access-control-expose-headers', EXPOSED);
      return done();
    }
    reply
      .code(204)
      .header('access-control-allow-methods', METHODS)
      .header('access-control-allow-headers', REQUEST_HEADERS)
      .header('access-control-max-age', PREFLIGHT_AGE)
      .send();
  };
}
