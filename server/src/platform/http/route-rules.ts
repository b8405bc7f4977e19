import type {
  FastifyContextConfig,
  FastifyRequest,
  onRequestHookHandler,
  preSerializationHookHandler,
  preValidationAsyncHookHandler,
  preValidationHookHandler,
  RouteOptions,
} from 'fastify';
import type { Config } from '../config/config.ts';
import { type ErrorTable, platformErrors } from '../errors.ts';
import type { Counters } from '../limits/counters.ts';
import { permissionCode, type RouteCatalogue, rolesNamedBy } from './catalogue.ts';
import { openObjects } from './closed-schemas.ts';
import { closed, createGuard, type GuardContext } from './guard.ts';
import { createHostCheck } from './hosts.ts';
import { type CountRequest, createRouteActorLimit, createRouteLimit, createTokenLimit } from './limits.ts';
import type { ClosedRoute } from './not-found.ts';
import type { DocumentedRoute } from './openapi/document.ts';
import { isForeignRead, refuseForeignForm, takesForeignPosts } from './origin.ts';
import { unboundedNumbers } from './text-values.ts';
import { faultsOfNoBody } from './validation-faults.ts';
import { answersVersion, sendVersion } from './versions.ts';
import { boundWrites } from './writes-under-way.ts';

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Every route without a limit of its own counts here. */
const DEFAULT_LIMIT = 'default';

/** A plugin's own routes cannot declare anything; what is preset while it is registered holds for them. */
export type RoutePreset = FastifyContextConfig | null;

export interface RouteRules {
  /** Hook for `onRoute`: checks what a route declares, and puts its guard in front. Throws a `TypeError` that names the route. */
  onRoute(route: RouteOptions): void;
  preset: RoutePreset;
  closedRoutes: ClosedRoute[];
  /** Those that exist here, for the documentation. */
  routes: DocumentedRoute[];
}

export interface RouteRulesOptions extends GuardContext {
  config: Config;
  errorTable: ErrorTable;
  /** Learns of every route that exists here. */
  catalogue: RouteCatalogue;
  /** Null: nothing is limited. */
  counters: Counters | null;
  /** Fields for pages, beyond those of every answer. */
  pageHeaders: Record<string, string>;
}

export function createRouteRules({
  config,
  errorTable,
  catalogue,
  counters,
  pageHeaders,
  ...context
}: RouteRulesOptions): RouteRules {
  const hostCheck = createHostCheck(config.http.trustedHosts);
  const rules: RouteRules = { onRoute, preset: null, closedRoutes: [], routes: [] };

  function onRoute(route: RouteOptions): void {
    const methods = [route.method].flat();
    if (rules.preset !== null) route.config = { ...rules.preset, ...route.config };
    const declared: Partial<FastifyContextConfig> = route.config ?? {};
    if (declared.access === undefined) {
      // The preflight route of the CORS plugin; it answers before any guard.
      if (methods.every((method) => method === 'OPTIONS')) return;
      throw new TypeError(`The route ${methods.join(',')} ${route.url} declares no access.`);
    }
    const settled = { ...declared, access: declared.access };
    if (answersVersion(route.schema?.response)) {
      settled.answerHeaders = [...(declared.answerHeaders ?? []), 'ETag'];
      const others = [route.preSerialization ?? []].flat() as preSerializationHookHandler[];
      route.preSerialization = [sendVersion, ...others];
    }
    check(route, settled, errorTable);
    const exists = settled.environments?.includes(config.environment) ?? true;
    if (exists) {
      const limited = counters !== null && settled.limit !== 'none';
      rules.routes.push({ methods, url: route.url, config: settled, limited, schema: route.schema ?? {} });
      catalogue.add({ methods, url: route.url, summary: route.schema?.summary ?? null, config: settled });
    } else {
      rules.closedRoutes.push({ methods, url: route.url });
      route.schema = { ...route.schema, hide: true };
    }
    const [method = 'GET'] = methods;
    const guard = exists ? guardFor(method, route.url, settled) : closed;
    const countToken = exists ? tokenCountFor(method, settled) : null;
    if (countToken !== null) addPreValidation(route, countToken);
    route.onRequest = [guard, ...([route.onRequest ?? []].flat() as onRequestHookHandler[])];
    if (exists && settled.access !== 'public' && !methods.every((method) => READS.has(method))) {
      route.handler = boundWrites(route.handler);
    }
    const { content } = (route.schema?.body ?? {}) as { content?: BodiesByType };
    if (content !== undefined) addPreValidation(route, demandType(content));
  }

  /** Null: nothing is limited, or the route says `none`. */
  function clientCountFor({ limit }: FastifyContextConfig, method: string): CountRequest | null {
    const chosen = limit ?? { name: DEFAULT_LIMIT, ...config.rateLimits.default };
    if (!counters || chosen === 'none') return null;
    const apart = READS.has(method) ? (request: FastifyRequest) => isForeignRead(request, config) : undefined;
    return createRouteLimit(chosen, counters, context.clock, apart);
  }

  function tokenCountFor(method: string, settled: FastifyContextConfig) {
    const countClient = clientCountFor(settled, method);
    if (!counters || countClient === null || settled.tokenLimit === undefined) return null;
    return createTokenLimit(settled.tokenLimit, countClient, counters);
  }

  function guardFor(method: string, template: string, settled: FastifyContextConfig) {
    const code = permissionCode(method, template);
    const { access, credentials, fresh = false, aal, limit, tokenLimit, csp, anyHost = false } = settled;
    // With a limit for tokens, the request is counted once its body has been read.
    const count = tokenLimit === undefined ? clientCountFor(settled, method) : null;
    const isOwn = counters !== null && limit !== undefined && limit !== 'none';
    const countActor = isOwn ? createRouteActorLimit(limit, counters) : null;
    const headers = csp === undefined ? null : { ...pageHeaders, 'content-security-policy': csp };
    const isOurHost = anyHost ? null : hostCheck;
    const refuseForeign = takesForeignPosts(access, method)
      ? (request: FastifyRequest) => refuseForeignForm(request, config)
      : null;
    const anyCredential = credentials === 'any';
    const limits = { count, countActor };
    return createGuard(
      { template, code, access, anyCredential, fresh, aal, refuseForeign, ...limits, isOurHost, headers },
      context,
    );
  }

  return rules;
}

function addPreValidation(route: RouteOptions, hook: preValidationHookHandler | preValidationAsyncHookHandler): void {
  const others = [route.preValidation ?? []].flat() as preValidationHookHandler[];
  route.preValidation = [hook as preValidationHookHandler, ...others];
}
type BodiesByType = Record<string, { schema: { required?: string[] } }>;

/** Of bodies of several types Fastify picks the schema by the type, and would let one of another type, or none, through unchecked. */
function demandType(content: BodiesByType): preValidationHookHandler {
  const [first] = Object.values(content);
  return (request, _reply, done) => {
    if (request.body === undefined) {
      return done(platformErrors.validation_failed({ errors: faultsOfNoBody(first?.schema ?? {}) }));
    }
    if (request.mediaType !== undefined && Object.hasOwn(content, request.mediaType)) return done();
    done(platformErrors.unsupported_media_type());
  };
}

/** What would be a hole or a lie in the documentation stops the server from starting. */
function check(
  route: RouteOptions,
  { access, credentials, fresh, aal, sensitive, tokenLimit, formerly = [], errors = [] }: FastifyContextConfig,
  errorTable: ErrorTable,
): void {
  const name = `The route ${[route.method].flat().join(',')} ${route.url}`;
  if (fresh && (access === 'public' || access === 'optional')) {
    throw new TypeError(`${name} demands a fresh sign-in but admits callers without one.`);
  }
  if (aal !== undefined && (access === 'public' || access === 'optional')) {
    throw new TypeError(`${name} demands two factors but admits callers without a sign-in.`);
  }
  if (tokenLimit !== undefined && access !== 'public') {
    throw new TypeError(`${name} counts a token, but its callers count for their accounts.`);
  }
  if (fresh === true && credentials === 'any') {
    throw new TypeError(`${name} demands a fresh sign-in, which no credential of a machine has.`);
  }
  if (access !== 'permission' && (sensitive || formerly.length > 0)) {
    throw new TypeError(`${name} has no permission of its own that could be sensitive or have had another code.`);
  }
  if (access === 'permission' && [route.method].flat().filter((method) => method !== 'HEAD').length > 1) {
    throw new TypeError(`${name} has several methods: each needs a permission, so each needs a route.`);
  }
  if (access === 'permission' && route.url.includes('*')) {
    throw new TypeError(`${name} has a wildcard: its code would be a pattern, and grant more than itself.`);
  }
  if (typeof access === 'object' && rolesNamedBy(access).length === 0) throw new TypeError(`${name} names no role.`);
  for (const code of errors) {
    if (!Object.hasOwn(errorTable, code)) throw new TypeError(`${name} names an unknown error code, "${code}".`);
  }
  const { body, querystring, params } = route.schema ?? {};
  for (const [part, schema] of Object.entries({ querystring, params })) {
    const unbounded = unboundedNumbers(schema);
    if (unbounded.length > 0) {
      throw new TypeError(
        `${name} takes any number: use integers with minimum and maximum in its ${part} at ${unbounded.join(', ')}.`,
      );
    }
  }
  for (const [part, schema] of Object.entries({ body, querystring })) {
    const open = openObjects(schema);
    if (open.length > 0) {
      throw new TypeError(
        `${name} takes unknown fields: set additionalProperties: false in its ${part} at ${open.join(', ')}.`,
      );
    }
  }
}
