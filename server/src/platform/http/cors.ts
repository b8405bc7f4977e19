import type { FastifyCorsOptions } from '@fastify/cors';

/** Seconds that a browser may remember the answer to a preflight request. */
const PREFLIGHT_AGE = 600;

const EXPOSED = [
  'X-Request-Id',
  'Retry-After',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'RateLimit',
  'RateLimit-Policy',
];

/** Lets pages of exactly these origins call with credentials. It must come before any guard: preflights carry none. */
export function corsOptions(origins: string[]): FastifyCorsOptions {
  return {
    origin: origins,
    credentials: true,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: ['Authorization', 'Content-Type', 'X-Request-Id'],
    exposedHeaders: EXPOSED,
    maxAge: PREFLIGHT_AGE,
    // Strict, the plugin answers odd OPTIONS requests with plain text.
    strictPreflight: false,
  };
}
