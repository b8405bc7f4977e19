import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { FastifyInstance, RouteOptions } from 'fastify';

export type Schema = Record<string, unknown>;

/** A route as it was registered, with the schemas that its inputs are checked by. */
export interface FuzzRoute {
  method: string;
  /** With `:name`, as Fastify writes it. */
  url: string;
  access: unknown;
  /** By content type; empty: takes no body. */
  bodies: { type: string; schema: Schema }[];
  query: Schema | null;
}

const JSON_TYPE = 'application/json';

/** Opens servers, and tells the routes that were registered meanwhile: Fastify announces every instance that it makes. */
export async function collectRoutes<T>(open: () => Promise<T>): Promise<{ opened: T; routes: FuzzRoute[] }> {
  const routes: FuzzRoute[] = [];
  const listen = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance };
    fastify.addHook('onRoute', (route) => void routes.push(...describe(route)));
  };
  subscribe('fastify.initialization', listen);
  try {
    return { opened: await open(), routes };
  } finally {
    unsubscribe('fastify.initialization', listen);
  }
}

function describe({ method, url, schema, config }: RouteOptions): FuzzRoute[] {
  const { body, querystring } = (schema ?? {}) as { body?: Schema; querystring?: Schema };
  const access = (config as { access?: unknown } | undefined)?.access;
  return [method]
    .flat()
    .map((name) => ({ method: name, url, access, bodies: bodiesOf(body), query: querystring ?? null }));
}

function bodiesOf(body: Schema | undefined): FuzzRoute['bodies'] {
  if (body === undefined) return [];
  if (body.content === undefined) return [{ type: JSON_TYPE, schema: body }];
  const content = body.content as Record<string, { schema: Schema }>;
  return Object.entries(content).map(([type, { schema }]) => ({ type, schema }));
}
