import type { FastifyRequest } from 'fastify';
import { type AppError, platformErrors } from '../errors.ts';
import type { HttpServer } from './routes.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** A registered route that does not exist in this environment. */
export interface ClosedRoute {
  methods: string[];
  /** In Fastify's form, with `:name` and `*`. */
  url: string;
}

/** The error for a request without a route: `method_not_allowed` with `Allow` if its path is served for other methods, else `not_found`. */
export function createNotFound(app: HttpServer, closedRoutes: ClosedRoute[]): (request: FastifyRequest) => AppError {
  return ({ method: asked, raw }) => {
    const url = raw.url ?? '/';
    const path = url.split('?', 1)[0] ?? '/';
    const allowed = METHODS.filter((method) => app.findRoute({ method, url }) !== null).filter(
      (method) => !closedRoutes.some((route) => route.methods.includes(method) && matches(route.url, path)),
    );
    // A route found nothing itself, for example a file.
    const known = allowed.some((method) => method === asked);
    if (known || allowed.length === 0) return platformErrors.not_found();
    return platformErrors.method_not_allowed({ headers: { allow: allowed.join(', ') } });
  };
}

function matches(template: string, path: string): boolean {
  const pattern = template
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/:[^/]+/g, '[^/]+')
    .replaceAll('*', '.*');
  return new RegExp(`^${pattern}$`).test(path);
}
