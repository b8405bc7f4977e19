import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { OpenApiDocument } from './openapi/document.ts';
import type { RouteRules } from './route-rules.ts';
import type { HttpServer } from './routes.ts';
import type { HttpServerOptions } from './server.ts';

const OPEN = { access: 'public', limit: 'none' } as const;

/** Swagger UI and ReDoc style their elements inline, and draw icons from `data:` URLs. */
const COMMON_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/** ReDoc searches in a worker that it creates from a blob. */
const REDOC_POLICY = `${COMMON_POLICY}; worker-src blob:`;

const REDOC_BUNDLE = '/redoc/redoc.standalone.js';
/** A picture that ReDoc would fetch from its maker. The policy refuses that; a picture that is none is left out without a word. */
const REDOC_PICTURE = 'https://cdn.redoc.ly/redoc/logo-mini.svg';
const NO_PICTURE = 'data:,';
const DAY_IN_CACHE = 'public, max-age=86400';

const TITLE = 'Ostiary API';
const VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">';
const LOGO =
  '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40" viewBox="0 0 120 40">' +
  '<text y="28" font-family="system-ui, sans-serif" font-size="24" font-weight="600" fill="#fff">Ostiary</text></svg>';

const redocPage = (prefix: string): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${TITLE}</title>${VIEWPORT}<link rel="icon" href="data:,"></head>
<body style="margin:0"><redoc spec-url="${prefix}/openapi.json"></redoc><script src="${prefix}${REDOC_BUNDLE}"></script></body>
</html>
`;

export interface DocsOptions {
  /** The path of `PUBLIC_URL`. */
  prefix: string;
  rules: RouteRules;
  onRequest: HttpServerOptions['onDocsRequest'];
}

/**
 * `/openapi.json`, Swagger UI at `/docs`, ReDoc at `/redoc`, without anything from other servers. Its libraries are loaded only here: production usually has
 * no docs.
 */
export async function registerDocs(app: HttpServer, { prefix, rules, onRequest }: DocsOptions): Promise<void> {
  const { default: swagger } = await import('@fastify/swagger');
  const { default: swaggerUi } = await import('@fastify/swagger-ui');

  // The pages ask for this plugin; what it would serve is replaced below.
  const document = { openapi: '3.1.0', info: { title: '', version: '' }, paths: {} };
  await app.register(swagger, { mode: 'static', specification: { document } });

  // The plugin registers its own pages and files, which declare no access.
  rules.preset = { ...OPEN, csp: COMMON_POLICY };
  let described = document as OpenApiDocument;
  await app.register(async (scope) => {
    // The plugin knows its own path, and not that a proxy took something off before it.
    scope.addHook('onSend', async (_request, reply) => {
      const location = reply.getHeader('location');
      if (typeof location === 'string' && location.startsWith('/')) reply.header('location', prefix + location);
    });
    // Its page has no viewport, without which a phone shows it at the width of a desk.
    scope.addHook('onSend', async (_request, _reply, payload) =>
      typeof payload === 'string' && payload.includes('<head>')
        ? payload.replace('<head>', `<head>${VIEWPORT}`)
        : payload,
    );
    await scope.register(swaggerUi, {
      routePrefix: '/docs',
      theme: { title: TITLE },
      logo: { type: 'image/svg+xml', content: Buffer.from(LOGO) },
      ...(prefix !== '' && { indexPrefix: prefix }),
      uiConfig: { persistAuthorization: false, ...(onRequest && { requestInterceptor: onRequest }) },
      uiHooks: {
        preHandler: async () => {
          described = await app.openapi();
        },
      },
      transformSpecification: () => described,
      transformSpecificationClone: false,
    });
  });
  rules.preset = null;

  // Bytes, not text, which would be encoded and buffered again for each slow client.
  let json: Buffer | undefined;
  app.get('/openapi.json', { config: OPEN, schema: { hide: true } }, async (_request, reply) => {
    json ??= Buffer.from(JSON.stringify(await app.openapi()));
    return reply.type('application/json; charset=utf-8').send(json);
  });
  const redoc = redocPage(prefix);
  app.get('/redoc', { config: { ...OPEN, csp: REDOC_POLICY }, schema: { hide: true } }, (_request, reply) => {
    reply.type('text/html; charset=utf-8').send(redoc);
  });
  let bundle: Buffer | undefined;
  app.get(REDOC_BUNDLE, { config: OPEN, schema: { hide: true } }, async (_request, reply) => {
    bundle ??= await redocBundle();
    return reply.type('text/javascript; charset=utf-8').header('cache-control', DAY_IN_CACHE).send(bundle);
  });
}

async function redocBundle(): Promise<Buffer> {
  const file = fileURLToPath(import.meta.resolve('redoc/bundles/redoc.standalone.js'));
  return Buffer.from((await readFile(file, 'utf8')).replaceAll(REDOC_PICTURE, NO_PICTURE));
}
