import cookie from '@fastify/cookie';
import Fastify, { type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { ErrorTable } from '../errors.ts';
import type { Counters } from '../limits/counters.ts';
import { asksForWebSocket, routeUpgrades } from '../websocket/upgrades.ts';
import { createArrival } from './arrival.ts';
import { readJson } from './bodies.ts';
import type { Actor } from './caller.ts';
import type { RouteCatalogue } from './catalogue.ts';
import { createClientErrorHandler } from './client-errors.ts';
import { limitConnections } from './connections.ts';
import { createCors } from './cors.ts';
import { registerDocs } from './docs.ts';
import { createErrorHandler, sendProblem } from './error-handler.ts';
import { registerErrorsPage } from './errors-page.ts';
import { createProxyTrust } from './forwarded-for.ts';
import type { Authorize } from './guard.ts';
import { type Probes, registerHealth } from './health.ts';
import { createActorLimit, createPastCredentialLimit, type RateOf } from './limits.ts';
import { createNotFound } from './not-found.ts';
import type { DocumentOptions, OpenApiDocument, Tag } from './openapi/document.ts';
import { cutFloods } from './pipelining.ts';
import { toAppError } from './problems.ts';
import { createProxyNotice } from './proxy-notice.ts';
import { createTargets } from './public-path.ts';
import { requestId } from './request-id.ts';
import { childless, createRequestLog } from './request-log.ts';
import { createRouteRules } from './route-rules.ts';
import type { HttpServer, TypeBoxProvider } from './routes.ts';
import { securityHeaders } from './security-headers.ts';
import { createSerializerCompiler } from './serialization.ts';
import { addHeaders, FastServerResponse } from './server-response.ts';
import { closeWhenDraining } from './shutdown.ts';
import { timeouts } from './timeouts.ts';
import { createValidatorCompiler } from './validation.ts';

export type { HttpServer } from './routes.ts';

export interface HttpServerOptions {
  config: Config;
  log: Logger;
  clock: Clock;
  /** The actor of an Authorization header; null without credentials. Throws an `AppError` (unauthenticated) for invalid ones. */
  authenticate: (request: FastifyRequest) => Actor | null | Promise<Actor | null>;
  /** Whether an actor has the permission or role that a route requires. */
  authorize: Authorize;
  /** The request rate of a signed-in user. */
  rateOf: RateOf;
  /** Null: no limits. */
  counters: Counters | null;
  /** Collects every route. */
  catalogue: RouteCatalogue;
  /** All tables of error codes, merged. */
  errorTable: ErrorTable;
  /** The probes of readiness; true: fine. */
  probes: Probes;
  /** Runs in the browser before each request of Swagger UI; sent there as source text. */
  onDocsRequest?: <T extends object>(request: T) => T;
  version: string;
  /** What the tags of the routes mean; for the OpenAPI document. */
  tags?: readonly Tag[];
}

/**
 * The HTTP server with everything that applies to all routes; modules register their routes on it. It does not listen yet.
 * Registering a route throws a `TypeError` if it declares no access, accepts unknown fields, or names unknown error codes.
 */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { config, log, clock, authenticate, authorize, rateOf, counters, catalogue, errorTable, probes, version } =
    options;
  const { tags = [] } = options;
  const targets = createTargets(config);
  const { prefix } = targets;
  const isTrusted = createProxyTrust(config.http.trustedProxies);
  const { always: headers, pages: pageHeaders } = securityHeaders(config);
  const { requestTimeout, keepAliveTimeout, connectionTimeout, ...nodeTimeouts } = timeouts(config.http.requestTimeout);

  const app: HttpServer = Fastify({
    // Node itself answers a missing `Host` with an empty body; `arrival.ts` answers with a problem document.
    http: {
      ...nodeTimeouts,
      requireHostHeader: false,
      ServerResponse: FastServerResponse,
      shouldUpgradeCallback: asksForWebSocket,
    },
    requestTimeout,
    keepAliveTimeout,
    connectionTimeout,
    bodyLimit: config.http.bodyLimit,
    trustProxy: config.http.trustedProxies.length > 0 ? isTrusted : false,
    rewriteUrl: targets.rewrite,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 500 },
    genReqId: requestId,
    loggerInstance: childless(log),
    logController: createRequestLog(log, config.log.slowRequest),
    clientErrorHandler: createClientErrorHandler(log, headers, prefix),
    frameworkErrors: (error, request, reply) => {
      addHeaders(reply, [...headers, ['x-request-id', request.id]]);
      const coded = toAppError(error);
      log.info({ requestId: request.id, status: coded.status, problem: coded.code }, 'malformed request');
      sendProblem(coded, request, reply);
    },
  }).withTypeProvider<TypeBoxProvider>();

  app.decorateRequest('actor', null);
  app.decorateRequest('template', '');
  app.decorate('publicPath', prefix);
  app.decorate('counters', counters);
  app.decorate('draining', { announced: false, now: false, whenNow: [] });
  app.setValidatorCompiler(createValidatorCompiler());
  app.setSerializerCompiler(createSerializerCompiler());
  app.setErrorHandler(createErrorHandler(log));
  readJson(app);
  cutFloods(app.server, log);
  routeUpgrades(app);
  limitConnections(app, { patience: config.http.requestTimeout, log });
  // RFC 9110, 10.1.1 allows a server to ignore unknown expectations; Node would answer 417 with an empty body.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));

  const rules = createRouteRules({
    config,
    errorTable,
    catalogue,
    clock,
    authenticate,
    authorize,
    counters,
    pageHeaders,
    countActor: counters && createActorLimit(counters, rateOf),
    countPastCredential: counters && createPastCredentialLimit(counters),
  });
  const notFound = createNotFound(app, rules, targets);
  app.addHook('onRoute', rules.onRoute);
  app.addHook('onRequest', createArrival(headers));
  app.addHook('onRequest', createProxyNotice(log, isTrusted));
  if (config.http.corsOrigins.length > 0)
    app.addHook('onRequest', createCors(config.http.corsOrigins, config.http.corsHeaders));
  await app.register(cookie, { hook: false });
  app.addHook('onRequest', (request, _reply, done) =>
    done(request.is404 || targets.isOutside(request.raw) ? notFound(request) : undefined),
  );
  app.setNotFoundHandler((request, reply) => sendProblem(notFound(request), request, reply));
  closeWhenDraining(app);

  app.decorate('openapi', describeOnce({ routes: rules.routes, errorTable, tags, version, prefix }));
  if (config.role !== 'worker') registerErrorsPage(app, errorTable);
  if (config.http.docs) await registerDocs(app, { prefix, rules, onRequest: options.onDocsRequest });
  registerHealth(app, probes, () => app.draining.announced || app.draining.now);
  return app;
}

/** Most servers are never asked for their document: what makes it is loaded by the first who asks. */
function describeOnce(options: DocumentOptions): HttpServer['openapi'] {
  let document: Promise<OpenApiDocument> | undefined;
  return () => {
    document ??= import('./openapi/document.ts').then(({ describeRoutes }) => describeRoutes(options));
    return document;
  };
}
