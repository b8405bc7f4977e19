import type { FastifyRequest } from 'fastify';
import { type AppError, platformErrors } from '../errors.ts';
import type { Targets } from './public-path.ts';
import type { HttpServer } from './routes.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** A registered route; closed: it does not exist in this environment. */
export interface ClosedRoute {
  methods: string[];
  /** In Fastify's form, with `:name` and `*`. */
  url: string;
}

/**
 * The error for a request without a route: `method_not_allowed` with `Allow` if its path is served for other methods, else `not_found`, which
 * tells of a route whose path differs only in slashes or case, and of a path that the proxy should have removed.
 */
export function createNotFound(
  app: HttpServer,
  { routes, closedRoutes }: { routes: readonly ClosedRoute[]; closedRoutes: readonly ClosedRoute[] },
  targets: Targets,
): (request: FastifyRequest) => AppError {
  return ({ method: asked, raw }) => {
    const { prefix } = targets;
    if (targets.isOutside(raw))
      return platformErrors.not_found({ detail: `Paths begin with ${prefix} here, the path of PUBLIC_URL.` });
    const url = raw.url ?? '/';
    const path = url.split('?', 1)[0] ?? '/';
    const allowed = METHODS.filter((method) => app.findRoute({ method, url }) !== null).filter(
      (method) => !closedRoutes.some((route) => route.methods.includes(method) && matches(route.url, path)),
    );
    // A route found nothing itself, for example a file.
    const known = allowed.some((method) => method === asked);
    if (known) return platformErrors.not_found();
    if (allowed.length > 0) return platformErrors.method_not_allowed({ headers: { allow: allowed.join(', ') } });
    const meant = path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
    const find = (path: string) =>
      routes.find(({ methods, url }) => methods.includes(asked) && !url.includes('*') && matches(url, path));
    const below = targets.unremoved(path);
    if (below !== null && find(below))
      return platformErrors.not_found({
        detail: `The proxy passes on ${prefix}, the path of PUBLIC_URL: it must remove that, or PROXY_PATH be "kept".`,
      });
    const near = find(meant);
    if (!near) return platformErrors.not_found();
    const template = near.url.replace(/:([^/]+)/g, '{$1}');
    return platformErrors.not_found({
      detail: `The route is ${asked} ${template}: the path has no slash at its end or twice, and is in lower case.`,
    });
  };
}

function matches(template: string, path: string): boolean {
  const pattern = template
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/:[^/]+/g, '[^/]+')
    .replaceAll('*', '.*');
  return new RegExp(`^${pattern}$`, 'i').test(path);
}
