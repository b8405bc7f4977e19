import type { FastifyContextConfig } from 'fastify';
import { type AppError, type ErrorTable, platformErrors } from '../errors.ts';
import { STATUS_CODES } from './node-http.ts';
import { toDocument } from './problems.ts';

/** What the document needs to know of a route beyond its schemas. */
export interface DocumentedRoute {
  methods: string[];
  /** As Fastify writes it, with `:name`. */
  url: string;
  config: FastifyContextConfig;
  limited: boolean;
  hasBody: boolean;
  /** Takes a body, parameters or a query that is validated. */
  validated: boolean;
}

type Json = Record<string, unknown>;
type Operation = Json & {
  operationId?: string;
  responses: Record<string, Json>;
  requestBody?: { required?: boolean; content: Record<string, { schema: Json }> };
};
export type OpenApiDocument = { openapi: string; paths: Record<string, Record<string, Operation>> } & Json;

const PROBLEM_TYPE = 'application/problem+json';

/** The problem document (RFC 9457), as a component that every error response refers to. */
export const problemSchema = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'requestId'],
  properties: {
    type: { type: 'string', description: 'Reference to the description of the code' },
    title: { type: 'string', description: 'The same for every occurrence' },
    status: { type: 'integer', minimum: 400, maximum: 599 },
    code: { type: 'string', description: 'Stable; compare this one' },
    detail: { type: 'string', description: 'What can be done about this occurrence' },
    requestId: { type: 'string', description: 'As in `X-Request-Id`' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: { path: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
};

export const securitySchemes = {
  bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  password: {
    type: 'oauth2',
    description: 'For trying things out here; in development only.',
    flows: { password: { tokenUrl: '/api/v1/auth/token', scopes: {} } },
  },
} as const;

/**
 * Completes the document that `@fastify/swagger` made of the schemas with what the routes declare: who may call, every error
 * that they can answer with, grouped by status, and an operation id of method and path.
 */
export function completeDocument(
  document: OpenApiDocument,
  routes: DocumentedRoute[],
  errors: ErrorTable,
): OpenApiDocument {
  for (const route of routes) {
    const path = route.url.replace(/:([A-Za-z0-9_]+)/g, '{$1}');
    for (const method of route.methods) {
      const operation = document.paths[path]?.[method.toLowerCase()];
      if (operation !== undefined) complete(operation, method, path, route, errors);
    }
  }
  return document;
}

function complete(
  operation: Operation,
  method: string,
  path: string,
  route: DocumentedRoute,
  errors: ErrorTable,
): void {
  const { access } = route.config;
  operation.operationId ??= operationId(method, path);
  const credentials = [{ bearer: [] }, { password: [] }];
  if (access !== 'public') operation.security = access === 'optional' ? [{}, ...credentials] : credentials;
  for (const [status, response] of Object.entries(operation.responses)) {
    if (response.description === 'Default Response') response.description = STATUS_CODES[status] ?? status;
  }
  for (const [status, codes] of byStatus(errorCodes(route), errors)) {
    operation.responses[status] = { ...errorResponse(codes, errors), ...operation.responses[status] };
  }
  if (operation.requestBody !== undefined) relaxBody(operation.requestBody);
}

/** `POST /api/v1/users/{id}/roles` → `postUsersByIdRoles`. */
function operationId(method: string, path: string): string {
  const words = path
    .replace(/^\/api\/v1/, '')
    .replace(/\{(\w+)\}/g, 'by-$1')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '');
  return method.toLowerCase() + words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('');
}

/** The codes that a route names itself and those that follow from what it is. */
export function errorCodes({ config, limited, hasBody, validated }: DocumentedRoute): string[] {
  const { access, fresh, errors = [] } = config;
  const codes = [...errors, 'malformed_request', 'internal_error', 'unavailable'];
  if (validated) codes.push('validation_failed');
  if (hasBody) codes.push('malformed_body', 'request_timeout', 'body_too_large', 'unsupported_media_type');
  if (access !== 'public') codes.push('unauthenticated');
  if (access === 'verified') codes.push('email_unverified');
  if (access === 'permission' || typeof access === 'object') codes.push('forbidden');
  if (fresh) codes.push('reauth_required');
  if (limited) codes.push('rate_limited');
  return [...new Set(codes)];
}

function byStatus(codes: string[], errors: ErrorTable): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const code of codes) {
    const status = String(errors[code]?.status ?? 500);
    groups.set(status, [...(groups.get(status) ?? []), code]);
  }
  return groups;
}

function errorResponse(codes: string[], errors: ErrorTable): Json {
  const lines = codes.map((code) => `- \`${code}\`: ${errors[code]?.title ?? ''}`);
  const schema = {
    allOf: [{ $ref: '#/components/schemas/Problem' }, { type: 'object', properties: { code: { enum: codes } } }],
  };
  return { description: lines.join('\n'), content: { [PROBLEM_TYPE]: { schema, examples: examples(codes, errors) } } };
}

function examples(codes: string[], errors: ErrorTable): Json {
  const requestId = '6f0d2b6e-57a1-4c5e-9d6e-0c7a4a3d2b10';
  return Object.fromEntries(codes.map((code) => [code, { value: toDocument(exampleOf(code, errors), requestId) }]));
}

function exampleOf(code: string, errors: ErrorTable): Pick<AppError, 'code' | 'status' | 'message' | 'extras'> {
  const { status, title } = errors[code] ?? platformErrors.table.internal_error;
  return { code, status, message: title, extras: {} };
}

/** A body that may be left out (`optionalBody`) takes `null` for Fastify; to clients it is an object that is not required. */
function relaxBody(body: NonNullable<Operation['requestBody']>): void {
  for (const { schema } of Object.values(body.content)) {
    if (!Array.isArray(schema.type) || !schema.type.includes('null')) continue;
    schema.type = 'object';
    body.required = false;
  }
}
