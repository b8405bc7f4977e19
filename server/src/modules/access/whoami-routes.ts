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

/** What the server makes of the credential that a request carries, of whatever kind. */
export function whoamiRoutes() {
  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/auth/whoami',
      {
        config: { access: 'signedIn', credentials: 'any' },
        schema: {
          operationId: 'getWhoami',
          summary: 'Who you are to the server, and by which credential',
          description: 'For programs that were handed a credential, of whatever kind.',
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
