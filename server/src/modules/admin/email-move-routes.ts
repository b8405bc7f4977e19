import { Type } from 'typebox';
import { callerOf } from '../../platform/http/caller.ts';
import { createAttemptLimit } from '../../platform/http/limits.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import type { EmailMoves } from './email-moves.ts';
import { stopEmailMoveBody, userParams } from './schemas.ts';

/** Routes that stop a new address from an administrator: by the link in the mail to the old one, and by an administrator. */
export function emailMoveRoutes({ moves }: { moves: EmailMoves }) {
  const stopLimit = createAttemptLimit({ name: 'stop-email-change', points: 5, duration: 60 });

  return async (app: HttpServer): Promise<void> => {
    app.post(
      '/auth/stop-email-change',
      {
        config: { access: 'public', errors: ['token_invalid', 'superadmin_protected'] },
        schema: {
          operationId: 'stopEmailChange',
          summary: 'Stop a change of address by an administrator, with the token of the link to the old address',
          description:
            'The link contains its token after `#token=` and works once. A change that waits ends. One that took effect within the last day disables the account, until an administrator activates it.',
          tags: ['Accounts'],
          body: stopEmailMoveBody,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const { token } = request.body;
        await stopLimit(request, token);
        await moves.stop(callerOf(request), token);
        return reply.code(204).send(null);
      },
    );

    app.delete(
      '/admin/users/:id/pending-email',
      {
        config: { access: 'permission', errors: ['user_not_found', 'power_exceeded'] },
        schema: {
          operationId: 'cancelEmailChange',
          summary: 'Cancel a change of address that waits',
          description: 'The user keeps the present address. Does nothing if no change waits.',
          tags: ['Users'],
          params: userParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await moves.cancel(callerOf(request), request.params.id);
        return reply.code(204).send(null);
      },
    );
  };
}
