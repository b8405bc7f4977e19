import type { IncomingMessage, ServerResponse } from 'node:http';
import type {} from '@fastify/cookie';
import type {} from '@fastify/swagger';
import type { FastifyInstance, FastifyTypeProvider, RawServerDefault } from 'fastify';
import type { Logger } from 'pino';
import type { Static, TSchema } from 'typebox';
import type { Config } from '../config/config.ts';
import type { Rate } from '../limits/counters.ts';
import type { Access, Actor } from './caller.ts';
import type { TokenLimit } from './limits.ts';
import type { OpenApiDocument } from './openapi/document.ts';
import type { AnswerHeader } from './openapi/headers.ts';

/** Types of bodies, parameters and answers follow from the TypeBox schemas of the route; nothing of it exists at run time. */
export interface TypeBoxProvider extends FastifyTypeProvider {
  validator: this['schema'] extends TSchema ? Static<this['schema']> : unknown;
  serializer: this['schema'] extends TSchema ? Static<this['schema']> : unknown;
}

/** The server that modules register their routes on. */
export type HttpServer = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, Logger, TypeBoxProvider>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call. A route that declares none stops the server from starting. */
    access: Access;
    /** Codes that the route had under earlier names; roles that grant them still admit. */
    formerly?: readonly string[];
    /** With `access: 'permission'`: only the exact code or `*` admits, no other pattern. */
    sensitive?: boolean;
    /** `any`: credentials of machines are admitted, too, where `access` asks only who calls. Permissions and roles always admit them. */
    credentials?: 'any';
    /**
     * Demands that the caller, a person, has proved who they are in this session within the last ten minutes: for what gives power, a
     * credential or an address. `sessions`: machines are admitted, too, which have no person to ask and are limited by their scopes.
     */
    fresh?: boolean | 'sessions';
    /** Demands that the caller was proved by two factors, whatever their roles demand (authenticator assurance level 2). */
    aal?: 2;
    /**
     * How many requests a client may make to the routes that name this limit, together. Default: `rateLimits.default` of the configuration,
     * one counter for all routes that say nothing. Who is signed in counts for their account instead, whatever their address.
     */
    limit?: Rate | 'none';
    /** Of a public route that takes a token: an authentic one counts by this limit instead of `limit`. */
    tokenLimit?: TokenLimit;
    /** Refuses, by `If-Match`, to change what was changed since the client read it: its use case calls `demandVersion`. */
    ifMatch?: boolean;
    /** Codes that this route answers with beyond the platform's own; for the OpenAPI document. */
    errors?: readonly string[];
    /** Header fields that answers of this route have beyond those of all routes; for the OpenAPI document. */
    answerHeaders?: readonly AnswerHeader[];
    /** The media type of a body that is not JSON; for the OpenAPI document. */
    takes?: string;
    /** The route exists only in these environments; elsewhere it answers 404. */
    environments?: readonly Config['environment'][];
    /** `Content-Security-Policy` of a page; without it, answers may load nothing at all. */
    csp?: string;
    /** Answers whatever `Host` names: for probes, which call by address. */
    anyHost?: boolean;
  }

  interface FastifyInstance {
    /** The path of `PUBLIC_URL`, which everything in an answer that begins with `/` begins with. */
    publicPath: string;
    /** The OpenAPI document of all routes; made when it is first asked for, and to be asked for once they are registered. */
    openapi(): Promise<OpenApiDocument>;
  }

  interface FastifyRequest {
    /** Who is calling; null on public routes and without credentials on optional ones. */
    actor: Actor | null;
    /** The route's URL as it was registered (`/things/:id`); empty without a route. Unlike `routeOptions.url`, it costs nothing. */
    template: string;
  }
}
