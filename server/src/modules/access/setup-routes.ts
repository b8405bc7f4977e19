import { Type } from 'typebox';
import { callerOf } from '../../platform/http/caller.ts';
import { createAccountLimit } from '../../platform/http/limits.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { PASSWORD_CODES } from '../auth/errors.ts';
import { ENCRYPTED_CODES } from '../transport/errors.ts';
import type { PasswordTransport } from '../transport/password-transport.ts';
import { passwordFields } from '../transport/schemas.ts';
import { emailInput, usernameInput, userSchema, userView } from '../users/schemas.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { Setup } from './setup.ts';

const setupBody = Type.Object(
  {
    token: Type.String({ minLength: 1, maxLength: 512 }),
    email: emailInput,
    username: Type.Optional(usernameInput),
    ...passwordFields('password'),
  },
  { additionalProperties: false },
);

/** The route that the setup link leads to. */
export function setupRoutes(deps: {
  setup: Setup;
  transport: PasswordTransport;
  rolesOf: (user: UserRecord) => Promise<string[]>;
}) {
  const { setup, transport, rolesOf } = deps;
  const limit = createAccountLimit({ name: 'setup', points: 5, duration: 60 });

  return async (app: HttpServer): Promise<void> => {
    app.post(
      '/setup',
      {
        config: {
          access: 'public',
          errors: [
            'not_found',
            'token_invalid',
            'email_invalid',
            'email_taken',
            'username_invalid',
            'username_taken',
            ...PASSWORD_CODES,
            ...ENCRYPTED_CODES,
          ],
        },
        schema: {
          summary: 'Make the first superadmin, once, with the link that the server printed',
          tags: ['Around it'],
          body: setupBody,
          response: { 201: Type.Object({ user: userSchema }) },
        },
      },
      async (request, reply) => {
        await limit(request, 'setup');
        const user = await setup.complete(callerOf(request), await transport.open(request.body, 'password'));
        return reply.code(201).send({ user: userView(user, await rolesOf(user)) });
      },
    );
  };
}
