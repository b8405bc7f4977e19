import { type Static, Type } from 'typebox';
import type { HttpServer } from '../../platform/http/routes.ts';
import { LIST_MAX_AGE } from './key-life.ts';

const WELL_KNOWN = '/.well-known/oauth-authorization-server';

const metadataSchema = Type.Object(
  {
    issuer: Type.String({ examples: ['https://auth.example.com'] }),
    jwks_uri: Type.String({ examples: ['https://auth.example.com/.well-known/jwks.json'] }),
    response_types_supported: Type.Array(Type.String(), { examples: [[]] }),
    grant_types_supported: Type.Array(Type.String(), { examples: [[]] }),
  },
  { title: 'ServerMetadata' },
);

/**
 * Authorization server metadata (RFC 8414) with what resource servers need: the issuer and its keys. `issuer`: the public URL, without
 * a trailing slash.
 */
export function metadataRoutes({ issuer }: { issuer: string }) {
  const { pathname } = new URL(issuer);
  const metadata: Static<typeof metadataSchema> = {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    response_types_supported: [],
    grant_types_supported: [],
  };

  const config = { access: 'public', answerHeaders: ['Cache-Control'] } as const;
  const response = { 200: metadataSchema };
  const cached = `public, max-age=${LIST_MAX_AGE}`;

  return async (app: HttpServer): Promise<void> => {
    const schema = {
      operationId: 'getServerMetadata',
      summary: 'Get the issuer of access tokens and the place of its keys',
      description: 'Authorization server metadata (RFC 8414).',
      tags: ['Keys'],
      response,
    };
    app.get(WELL_KNOWN, { config, schema }, async (_request, reply) =>
      reply.header('cache-control', cached).send(metadata),
    );
    if (pathname === '/') return;
    // RFC 8414, 3.1: the path of the issuer follows the well-known part. A proxy that strips the path leads to the route above.
    const hidden = { hide: true, response };
    app.get(WELL_KNOWN + pathname, { config, schema: hidden }, async (_request, reply) =>
      reply.header('cache-control', cached).send(metadata),
    );
  };
}
