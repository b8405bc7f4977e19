import { Type } from 'typebox';
import type { HttpServer } from '../../platform/http/routes.ts';
import { LIST_MAX_AGE, LIST_STALE } from './key-life.ts';
import type { SigningKeys } from './signing-keys.ts';

const jwk = Type.Object(
  {
    kty: Type.String(),
    crv: Type.Optional(Type.String()),
    x: Type.Optional(Type.String()),
    y: Type.Optional(Type.String()),
    n: Type.Optional(Type.String()),
    e: Type.Optional(Type.String()),
    kid: Type.String(),
    alg: Type.String(),
    use: Type.Literal('sig'),
  },
  { title: 'Jwk' },
);

/** The published keys that access tokens are signed with (RFC 7517, RFC 8414). */
export function jwksRoutes({ keys }: { keys: SigningKeys }) {
  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/.well-known/jwks.json',
      {
        config: { access: 'public', answerHeaders: ['Cache-Control'] },
        schema: {
          operationId: 'getJwks',
          summary: 'The public keys that verify access tokens',
          description:
            'A JSON Web Key Set (RFC 7517): the next key, the active one, and those whose tokens are still valid. Can be cached for as long as `Cache-Control` says.',
          tags: ['Keys'],
          response: { 200: Type.Object({ keys: Type.Array(jwk) }, { title: 'Jwks' }) },
        },
      },
      async (_request, reply) => {
        reply.header('cache-control', `public, max-age=${LIST_MAX_AGE}, stale-while-revalidate=${LIST_STALE}`);
        return keys.jwks();
      },
    );
  };
}
