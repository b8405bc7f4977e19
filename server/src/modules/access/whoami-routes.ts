import { type Static, Type } from 'typebox';
import { platformErrors } from '../../platform/errors.ts';
import type { Actor } from '../../platform/http/caller.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { nullable, timestamp } from '../../platform/http/schemas.ts';

const subjectSchema = Type.Object({ kind: Type.Enum(['person', 'service']), id: Type.String() }, { title: 'Subject' });

const whoamiSchema = Type.Object(
  {
    subject: subjectSchema,
    credential: Type.Object(
      {
        kind: Type.Enum(['session', 'key', 'oauth', 'client']),
        id: Type.String(),
        clientId: Type.String(),
        expiresAt: timestamp(),
      },
      { title: 'Credential' },
    ),
    organizationId: nullable(Type.String()),
    scopes: nullable(Type.Array(Type.String(), { description: 'What the credential is limited to; null: no limit.' })),
    assurance: Type.Object(
      {
        aal: Type.Integer({ description: 'Authenticator assurance level (NIST SP 800-63B): 1 or 2.' }),
        phishingResistant: Type.Boolean(),
        methods: Type.Array(Type.String()),
        authTime: timestamp(),
      },
      { title: 'Assurance' },
    ),
    actingFor: nullable(subjectSchema),
  },
  { title: 'Whoami' },
);

/** The route that tells a caller, by a credential of any kind, who they are. */
export function whoamiRoutes() {
  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/auth/whoami',
      {
        config: { access: 'signedIn', credentials: 'any' },
        schema: {
          operationId: 'getWhoami',
          summary: 'The subject and the credential of this request',
          description: 'For programs that were given a credential, of any kind.',
          tags: ['Accounts'],
          response: { 200: whoamiSchema },
        },
      },
      async ({ actor }) => {
        if (actor === null) throw platformErrors.unauthenticated();
        return whoamiView(actor);
      },
    );
  };
}

function whoamiView({
  subject,
  via,
  organizationId,
  scopes,
  assurance,
  actingFor,
}: Actor): Static<typeof whoamiSchema> {
  const { aal, phishingResistant, methods, authTime } = assurance;
  return {
    subject,
    credential: { ...via, expiresAt: new Date(via.expiresAt) },
    organizationId,
    scopes: scopes && [...scopes],
    assurance: { aal, phishingResistant, methods: [...methods], authTime },
    actingFor,
  };
}
