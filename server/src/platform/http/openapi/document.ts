import type { FastifyContextConfig, FastifySchema } from 'fastify';
import type { ErrorTable } from '../../errors.ts';
import { templateOf } from '../catalogue.ts';
import { createComponents } from './components.ts';
import { headerComponents } from './headers.ts';
import { describeOperation } from './operation.ts';
import { createErrorResponses } from './problems.ts';
import { securitySchemes } from './security.ts';

/** What the document is made from: a route as it was declared. */
export interface DocumentedRoute {
  methods: string[];
  /** As Fastify writes it, with `:name`. */
  url: string;
  config: FastifyContextConfig;
  /** Whether requests of a client are counted, and the answers say so. */
  limited: boolean;
  schema: FastifySchema;
}

export type Json = Record<string, unknown>;

export interface Tag {
  name: string;
  description: string;
}

/** An OpenAPI 3.1 document, as far as others look into it. */
export interface OpenApiDocument extends Json {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}

export interface Operation extends Json {
  operationId: string;
  tags?: readonly string[];
  responses: Record<string, Json>;
}

export interface DocumentOptions {
  routes: readonly DocumentedRoute[];
  /** All tables of error codes, merged. */
  errorTable: ErrorTable;
  /** What the tags of the routes mean, in the order in which they are shown. */
  tags: readonly Tag[];
  version: string;
  /** The path of `PUBLIC_URL`. */
  prefix: string;
}

const TOKEN_URL = '/api/v1/auth/token';

const LEGEND = `Accounts, sessions and permissions.

Bodies are JSON in camelCase, or bytes where an operation says so; times are ISO 8601 in UTC. A field that is not documented is refused, and nothing in a body is converted.

Every failure is a problem document (RFC 9457); its \`code\` is stable, and each operation lists those that it answers with. What never gets
as far as an operation is answered with 404 \`not_found\`, 405 \`method_not_allowed\`, 408 \`request_timeout\` or 431 \`headers_too_large\`.

Users, roles, service accounts and schedules have a \`version\`, which is their \`ETag\`, too: sent in \`If-Match\`, it keeps a change from undoing another.

Lists are read by page (\`page\`, \`pageSize\`), up to row 10,000, or by \`cursor\`: empty to begin, then \`nextCursor\` of the last answer.`;

/**
 * The OpenAPI document of these routes. Whatever the routes declare is in it: who may call, every error code that they answer with, the
 * fields of their answers. A schema with a `title` is a component of that name.
 * Throws a `TypeError` where two schemas have one title, or two operations one id.
 */
export function describeRoutes({ routes, errorTable, tags, version, prefix }: DocumentOptions): OpenApiDocument {
  const components = createComponents();
  const errorResponses = createErrorResponses(errorTable, components, prefix);
  // For the Authorize button of Swagger UI; production has no such route.
  const hasTokenForm = routes.some(({ url, schema }) => url === TOKEN_URL && schema.hide !== true);
  const paths: OpenApiDocument['paths'] = {};
  const ids = new Set<string>();
  for (const route of routes.filter(({ schema }) => schema.hide !== true)) {
    const path = templateOf(route.url);
    for (const method of route.methods.filter((name) => name !== 'HEAD' && name !== 'OPTIONS')) {
      const operation = describeOperation({ route, method, path, components, errorResponses, hasTokenForm });
      if (ids.has(operation.operationId)) throw new TypeError(`Two operations are called ${operation.operationId}.`);
      ids.add(operation.operationId);
      paths[path] = { ...paths[path], [method.toLowerCase()]: operation };
    }
  }
  const used = new Set(Object.values(paths).flatMap((item) => Object.values(item).flatMap((each) => each.tags ?? [])));
  return {
    openapi: '3.1.0',
    info: {
      title: 'Ostiary',
      version,
      summary: 'A self-hosted authentication server.',
      description: LEGEND,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: prefix || '/' }],
    tags: tags.filter(({ name }) => used.has(name)),
    paths,
    components: {
      schemas: sorted(components.schemas),
      responses: sorted(components.responses),
      parameters: sorted(components.parameters),
      headers: headerComponents,
      securitySchemes: securitySchemes(hasTokenForm ? prefix + TOKEN_URL : null),
    },
  };
}

function sorted(record: Json): Json {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
