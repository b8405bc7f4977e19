import { Type } from 'typebox';
import type { Config } from '../../platform/config/config.ts';
import { callerOf } from '../../platform/http/caller.ts';
import { withChoices } from '../../platform/http/choices.ts';
import { createAttemptLimit } from '../../platform/http/limits.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { PASSWORD_CODES } from '../auth/errors.ts';
import { ENCRYPTED_CODES } from '../password-encryption/errors.ts';
import type { PasswordDecryptor } from '../password-encryption/password-decryptor.ts';
import { passwordChoice, passwordFields } from '../password-encryption/schemas.ts';
import { emailInput, usernameInput, userSchema, userView } from '../users/schemas.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { Setup } from './setup.ts';

const setupBody = withChoices(
  Type.Object(
    {
      token: Type.String({ minLength: 1, maxLength: 512 }),
      email: emailInput,
      username: Type.Optional(usernameInput),
      ...passwordFields('password'),
    },
    { additionalProperties: false, title: 'SetUpBody' },
  ),
  passwordChoice('password'),
);

/** The route that the page of the setup link calls. */
export function setupRoutes(deps: {
  setup: Setup;
  decryptor: PasswordDecryptor;
  roleCodesOf: (user: UserRecord) => string[] | Promise<string[]>;
  config: Pick<Config, 'publicUrl'>;
}) {
  const { setup, decryptor, roleCodesOf, config } = deps;
  const limit = createAttemptLimit({ name: 'setup', points: 5, duration: 60 });

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
          operationId: 'setUp',
          summary: 'Create the first superadmin, once, with the link that the server printed',
          description: 'The token follows `#token=` in the link. Once a superadmin exists, the answer is 404.',
          tags: ['Setup'],
          body: setupBody,
          response: { 201: Type.Object({ user: userSchema }, { title: 'SetUpDone' }) },
        },
      },
      async (request, reply) => {
        await limit(request, 'setup');
        const user = await setup.complete(callerOf(request), await decryptor.open(request.body, 'password'));
        return reply.code(201).send({ user: userView(user, await roleCodesOf(user), config.publicUrl) });
      },
    );
  };
}
