import { Type } from 'typebox';
import type { RoutePlugin } from '../../platform/http/part.ts';

const CACHED = 'public, max-age=3600';
const TAGS = ['Passkeys'];

/**
 * What browsers and password managers look for: the origins that may use the passkeys of this relying party (WebAuthn, 5.11), and the page
 * where people look after theirs. `page`: null if there is none.
 */
export function wellKnownRoutes({ origins, page }: { origins: readonly string[]; page: string | null }): RoutePlugin {
  const config = { access: 'public', answerHeaders: ['Cache-Control'] } as const;
  const related = { origins: origins.filter((origin) => origin.startsWith('https://')) };

  return async (app) => {
    app.get(
      '/.well-known/webauthn',
      {
        config,
        schema: {
          operationId: 'getRelatedOrigins',
          summary: 'Get the origins that may use passkeys of this server',
          description: 'Related origin requests (WebAuthn Level 3, 5.11).',
          tags: TAGS,
          response: { 200: Type.Object({ origins: Type.Array(Type.String()) }, { title: 'RelatedOrigins' }) },
        },
      },
      async (_request, reply) => reply.header('cache-control', CACHED).send(related),
    );

    if (page === null) return;
    app.get(
      '/.well-known/passkey-endpoints',
      {
        config,
        schema: {
          operationId: 'getPasskeyEndpoints',
          summary: 'Get the page where people look after their passkeys',
          description: 'For password managers (W3C, passkey endpoints).',
          tags: TAGS,
          response: {
            200: Type.Object({ enroll: Type.String(), manage: Type.String() }, { title: 'PasskeyEndpoints' }),
          },
        },
      },
      async (_request, reply) => reply.header('cache-control', CACHED).send({ enroll: page, manage: page }),
    );
  };
}
