import type { FastifySchema } from 'fastify';
import { permissionCode, rolesNamedBy } from '../catalogue.ts';
import { STATUS_CODES } from '../node-http.ts';
import { takesForeignPosts } from '../origin.ts';
import { bytesAnswer } from '../schemas.ts';
import type { Components } from './components.ts';
import type { DocumentedRoute, Json, Operation } from './document.ts';
import { answerHeaders, LIMIT_HEADERS } from './headers.ts';
import type { ErrorResponses } from './problems.ts';
import { securityOf } from './security.ts';

const JSON_TYPE = 'application/json';
/** Methods whose requests have no body, or one that nobody reads. */
const BODILESS = new Set(['GET', 'HEAD']);

const IF_MATCH: Json = {
  name: 'If-Match',
  in: 'header',
  description: 'The `ETag` of what you have read: another one is 412 `version_conflict`.',
  schema: { type: 'string' },
};

type ObjectSchema = Json & { properties?: Record<string, Json>; required?: string[] };

export function describeOperation(deps: {
  route: DocumentedRoute;
  method: string;
  path: string;
  components: Components;
  errorResponses: ErrorResponses;
  hasTokenForm: boolean;
}): Operation {
  const { route, method, path, components, errorResponses, hasTokenForm } = deps;
  const { schema } = route;
  const parameters = parametersOf(schema, path, components);
  if (route.config.ifMatch) parameters.push(components.share('parameters', 'If-Match', IF_MATCH));
  const description = [schema.description, needsOf(route, method)].filter((part) => part !== undefined).join('\n\n');
  return {
    operationId: schema.operationId ?? operationIdOf(method, path),
    ...(schema.tags && { tags: schema.tags }),
    ...(schema.summary !== undefined && { summary: schema.summary }),
    ...(description !== '' && { description }),
    security: securityOf(route, hasTokenForm),
    'x-access': accessOf(route),
    ...(parameters.length > 0 && { parameters }),
    ...(schema.body !== undefined && { requestBody: requestBodyOf(schema.body as Json, components) }),
    ...(route.config.takes !== undefined && { requestBody: bytesBodyOf(route.config.takes, components) }),
    responses: { ...answersOf(route, components), ...errorResponses.of(errorCodes(route, method)) },
  };
}

/** `POST /api/v1/users/{id}/roles` → `postUsersByIdRoles`, for a route that says nothing better. */
function operationIdOf(method: string, path: string): string {
  const words = path
    .replace(/^\/api\/v1/, '')
    .replace(/\{(\w+)\}/g, 'by-$1')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '');
  return method.toLowerCase() + words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('');
}

/** Every code that a route can answer with: those that it names itself, and those that follow from what it is. */
export function errorCodes({ config, schema }: DocumentedRoute, method: string): string[] {
  const { access, credentials, fresh, anyHost, errors = [] } = config;
  const asksRoles = access === 'permission' || typeof access === 'object';
  // The first step of every request refuses what cannot be read, and more at once than anybody needs.
  const codes = [...errors, 'malformed_request', 'uri_too_long', 'rate_limited', 'internal_error'];
  // Probes are answered whatever happens to the database, and whoever asks.
  if (!anyHost) codes.push('host_refused', 'unavailable');
  const { body, querystring, params, headers } = schema;
  if ([body, querystring, params, headers].some((part) => part !== undefined)) codes.push('validation_failed');
  // A body is read wherever the method allows one, also where none is asked for.
  if (!BODILESS.has(method)) {
    codes.push('malformed_body', 'body_too_large', 'unsupported_media_type', 'request_timeout', 'overloaded');
  }
  if (takesForeignPosts(access, method)) codes.push('origin_refused');
  if (access !== 'public') codes.push('unauthenticated');
  if (access === 'verified') codes.push('email_unverified');
  if (asksRoles) codes.push('forbidden', 'scope_insufficient', 'mfa_required');
  if (config.aal === 2) codes.push('mfa_required');
  if (fresh) codes.push('reauth_required');
  if (config.ifMatch) codes.push('version_conflict');
  const forPersons = access !== 'public' && !asksRoles && credentials !== 'any';
  if (forPersons || fresh === true) codes.push('credential_refused');
  return [...new Set(codes)];
}

/** For programs: who may call. A permission has the code `METHOD:path`. */
function accessOf({ config }: DocumentedRoute): Json {
  const { access, sensitive = false, fresh = false } = config;
  return {
    access,
    ...(sensitive && { sensitive }),
    ...(fresh !== false && { fresh: true }),
  };
}

/** The same in words. */
function needsOf({ config, url }: DocumentedRoute, method: string): string | undefined {
  const { access, credentials, sensitive, fresh, aal } = config;
  const sentences = [];
  if (access === 'signedIn') sentences.push(`Needs a ${credentials === 'any' ? 'credential of any kind' : 'sign-in'}.`);
  if (access === 'verified') sentences.push('Needs a sign-in and a verified e-mail address.');
  if (access === 'permission') sentences.push(`Needs the permission \`${permissionCode(method, url)}\`.`);
  if (typeof access === 'object') {
    const roles = rolesNamedBy(access).map((role) => `\`${role}\``);
    sentences.push(`Needs ${'anyRole' in access ? 'one' : 'all'} of these roles: ${roles.join(', ')}.`);
  }
  if (sensitive) sentences.push('No pattern but `*` grants it.');
  if (aal === 2) sentences.push('The sign-in must have two factors.');
  if (fresh) sentences.push('The password must have been proved within the last ten minutes.');
  return sentences.length > 0 ? sentences.join(' ') : undefined;
}

function parametersOf({ params, querystring, headers }: FastifySchema, path: string, components: Components): Json[] {
  const inPath = { properties: namesIn(path), ...(params as ObjectSchema | undefined) };
  return [
    ...parametersIn('path', inPath, components),
    ...parametersIn('query', (querystring ?? {}) as ObjectSchema, components),
    ...parametersIn('header', (headers ?? {}) as ObjectSchema, components),
  ];
}

/** For a route that says nothing of its parameters. */
function namesIn(path: string): Record<string, Json> {
  return Object.fromEntries(Array.from(path.matchAll(/\{(\w+)\}/g), ([, name = '']) => [name, { type: 'string' }]));
}

function parametersIn(place: string, { properties = {}, required = [] }: ObjectSchema, components: Components): Json[] {
  return Object.entries(properties).map(([name, { description, ...schema }]) =>
    components.share('parameters', name, {
      name,
      in: place,
      ...((place === 'path' || required.includes(name)) && { required: true }),
      ...(description !== undefined && { description }),
      schema: components.convert(schema),
    }),
  );
}

function requestBodyOf(body: Json, components: Components): Json {
  const { content } = body as { content?: Record<string, { schema: Json }> };
  if (content !== undefined) {
    const byType = Object.entries(content).map(([type, { schema }]) => [type, { schema: components.convert(schema) }]);
    return { required: true, content: Object.fromEntries(byType) };
  }
  // A body that may be left out takes `null` for Fastify; to clients it is an object that is not required.
  const required = !(Array.isArray(body.type) && body.type.includes('null'));
  const schema = components.convert(required ? body : { ...body, type: 'object' });
  return { required, content: { [JSON_TYPE]: { schema } } };
}

/** What a body of bytes is; an answer of bytes says the same (`bytesAnswer`), with its type. */
function bytesBodyOf(type: string, components: Components): Json {
  return { required: true, content: { [type]: { schema: components.convert(bytesAnswer) } } };
}

function answersOf({ config, limited, schema }: DocumentedRoute, components: Components): Record<string, Json> {
  const answers = Object.entries((schema.response ?? { 200: {} }) as Record<string, Json>);
  return Object.fromEntries(
    answers.map(([status, answer]) => {
      const response = {
        description: STATUS_CODES[status] ?? status,
        headers: answerHeaders([...(limited ? LIMIT_HEADERS : []), ...(config.answerHeaders ?? [])]),
        ...(answer.type !== 'null' && { content: { [mediaTypeOf(answer)]: { schema: components.convert(answer) } } }),
      };
      const name = limited ? nameOfAnswer(status, answer, config.answerHeaders) : null;
      return [status, name === null ? response : components.share('responses', name, response)];
    }),
  );
}

const mediaTypeOf = ({ contentMediaType }: Json) =>
  typeof contentMediaType === 'string' ? contentMediaType : JSON_TYPE;

/** What operations call an answer that others give alike; null where it has no name. */
function nameOfAnswer(status: string, { type, title }: Json, headers: readonly string[] = []): string | null {
  const subject = type === 'null' ? 'No' : title;
  if (typeof subject !== 'string') return null;
  const how = status === '201' ? 'Created' : '';
  return `${subject}${how}Answer${headers.map((header) => `With${header.replaceAll('-', '')}`).join('')}`;
}
