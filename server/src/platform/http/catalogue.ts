import type { FastifyContextConfig } from 'fastify';
import type { Access } from './caller.ts';

/** A route of this server, as listed for granting permissions. */
export interface CatalogueRoute {
  method: string;
  /** With `{name}`. */
  path: string;
  /** Its permission code: `GET:/api/v1/users/{id}`. */
  code: string;
  /** Its earlier codes, which still grant it. */
  formerly: readonly string[];
  summary: string | null;
  access: Access;
  /** Only its exact code or `*` grants it; patterns do not. */
  sensitive: boolean;
  /** Whether credentials of machines are admitted, such as API keys. */
  admitsMachines: boolean;
}

export interface RouteCatalogue {
  /** Throws a `TypeError` if a code belongs, or once belonged, to another route. */
  add(route: { methods: string[]; url: string; summary: string | null; config: FastifyContextConfig }): void;
  /** By path, then by method. */
  list(): CatalogueRoute[];
  /** The route with this present or former code. */
  find(code: string): CatalogueRoute | undefined;
  /** The route that a request would reach, by its path or its template. */
  match(method: string, path: string): CatalogueRoute | undefined;
  /** Codes of the roles that some route requires. */
  guardRoles(): ReadonlySet<string>;
}

/** A route that another one has, or had. */
export class RouteTaken extends TypeError {}

/** The code of a route; HEAD has the code of GET. */
export function permissionCode(method: string, url: string): string {
  return `${method === 'HEAD' ? 'GET' : method}:${templateOf(url)}`;
}

/** `/users/:id` in the form of the API contract, `/users/{id}`. */
export function templateOf(url: string): string {
  return url.replace(/:([A-Za-z0-9_]+)/g, '{$1}');
}

/** All routes of Fastify; filled during registration, complete once the server is ready. */
export function createRouteCatalogue(): RouteCatalogue {
  const byCode = new Map<string, CatalogueRoute>();
  const byFormerCode = new Map<string, CatalogueRoute>();

  return {
    add({ methods, url, summary, config }) {
      const { access, sensitive = false, formerly = [] } = config;
      const admitsMachines = machinesMayCall(config);
      for (const method of methods.filter((name) => name !== 'HEAD' && name !== 'OPTIONS')) {
        const code = permissionCode(method, url);
        for (const name of [code, ...formerly]) {
          // A code for one route must not grant the other.
          if (byCode.has(name) || byFormerCode.has(name))
            throw new RouteTaken(`Two routes have, or had, the code ${name}.`);
        }
        const route = { method, path: templateOf(url), code, formerly, summary, access, sensitive, admitsMachines };
        byCode.set(code, route);
        for (const former of formerly) byFormerCode.set(former, route);
      }
    },

    list: () => [...byCode.values()].sort((a, b) => order(a.path, b.path) || order(a.method, b.method)),
    find: (code) => byCode.get(code) ?? byFormerCode.get(code),

    match(method, path) {
      const asked = path.split('/');
      const candidates = [...byCode.values()].filter(
        (route) => route.method === method && fits(route.path.split('/'), asked),
      );
      // As in the router: literal segments take precedence over parameters.
      return candidates.sort((a, b) => order(rank(a.path), rank(b.path)))[0];
    },

    guardRoles: () => new Set([...byCode.values()].flatMap(({ access }) => rolesNamedBy(access))),
  };
}

/** Whether credentials of machines are admitted, as `createGuard` decides. */
export function machinesMayCall({ access, credentials, fresh }: FastifyContextConfig): boolean {
  if (access === 'public') return true;
  return (access === 'permission' || typeof access === 'object' || credentials === 'any') && fresh !== true;
}

/** The roles that an access declaration names. */
export function rolesNamedBy(access: Access): readonly string[] {
  if (typeof access === 'string') return [];
  return 'anyRole' in access ? access.anyRole : access.allRoles;
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const isParameter = (segment: string): boolean => segment.startsWith('{');
const rank = (template: string): string =>
  template
    .split('/')
    .map((segment) => (segment === '*' ? '2' : isParameter(segment) ? '1' : '0'))
    .join('');

function fits(template: string[], asked: string[]): boolean {
  const open = template.at(-1) === '*';
  if (open ? asked.length < template.length : asked.length !== template.length) return false;
  return template.every((segment, index) => {
    if (open && index === template.length - 1) return true;
    return segment === asked[index] || (isParameter(segment) && asked[index] !== '');
  });
}
