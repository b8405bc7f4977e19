import { Type } from 'typebox';
import { callerOf } from '../../platform/http/caller.ts';
import type { RoutePlugin } from '../../platform/http/part.ts';
import type { AdminPasskeys } from './admin-passkeys.ts';
import { passkeyParams, passkeyView, userPasskeyListSchema, userPasskeyParams } from './schemas.ts';

const TAGS = ['Passkeys'];

/** Routes on which administrators see and remove the passkeys of a user. */
export function passkeyAdminRoutes({ passkeys }: { passkeys: AdminPasskeys }): RoutePlugin {
  return async (app) => {
    app.get(
      '/admin/users/:id/passkeys',
      {
        config: { access: 'permission', errors: ['user_not_found'] },
        schema: {
          operationId: 'listUserPasskeys',
          summary: 'Passkeys of a user',
          description: 'Without keys.',
          tags: TAGS,
          params: passkeyParams,
          response: { 200: userPasskeyListSchema },
        },
      },
      async (request) => ({ items: (await passkeys.list(request.params.id)).map(passkeyView) }),
    );

    app.delete(
      '/admin/users/:id/passkeys/:passkeyId',
      {
        config: {
          access: 'permission',
          fresh: 'sessions',
          errors: ['user_not_found', 'power_exceeded', 'passkey_not_found', 'last_factor'],
        },
        schema: {
          operationId: 'removeUserPasskey',
          summary: 'Remove a passkey of a user',
          description:
            'Such as that of a lost device. The last second factor is not removed so. The user is notified by mail.',
          tags: TAGS,
          params: userPasskeyParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const { id, passkeyId } = request.params;
        await passkeys.remove(callerOf(request), id, passkeyId);
        return reply.code(204).send(null);
      },
    );
  };
}
