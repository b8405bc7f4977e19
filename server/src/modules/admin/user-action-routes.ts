import { Type } from 'typebox';
import type { Config } from '../../platform/config/config.ts';
import { callerOf } from '../../platform/http/caller.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { isId } from '../../platform/ids.ts';
import { PASSWORD_CODES } from '../auth/errors.ts';
import { acceptedSchema } from '../auth/schemas.ts';
import { ENCRYPTED_CODES } from '../password-encryption/errors.ts';
import type { PasswordDecryptor } from '../password-encryption/password-decryptor.ts';
import { sessionErrors } from '../sessions/errors.ts';
import { sessionListSchema, sessionView } from '../sessions/schemas.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { UserRecord } from '../users/user-store.ts';
import { adminUserSchema, adminUserView, temporaryPasswordBody, userParams, userSessionParams } from './schemas.ts';
import type { UserAdmin } from './user-admin.ts';

const TAGS = ['Users'];
const OVER = ['user_not_found', 'power_exceeded', 'status_conflict'];

/** Routes on which administrators change the status, password and sessions of one user. */
export function userActionRoutes(deps: {
  admin: UserAdmin;
  sessions: Sessions;
  decryptor: PasswordDecryptor;
  /** Throws `power_exceeded` if the user holds more than the caller. */
  demandOver: (caller: ReturnType<typeof callerOf>, user: UserRecord) => Promise<void>;
  givenRoleCodesOf: (user: UserRecord) => Promise<string[]>;
  config: Pick<Config, 'publicUrl'>;
}) {
  const { admin, sessions, decryptor, demandOver, givenRoleCodesOf, config } = deps;

  return async (app: HttpServer): Promise<void> => {
    const changes = {
      activate: {
        operationId: 'activateUser',
        summary: 'Activate a disabled user',
        description: 'The user must sign in again: ended sessions stay ended.',
        fresh: 'sessions',
        errors: OVER,
      },
      deactivate: {
        operationId: 'deactivateUser',
        summary: 'Disable a user; every session ends',
        description: 'Nothing is deleted; the user can be activated again.',
        fresh: false,
        errors: [...OVER, 'self_protected', 'superadmin_protected'],
      },
      unlock: {
        operationId: 'unlockUser',
        summary: "Forget a user's failed sign-ins, and the delays that they cause",
        description: 'This also resets the delays for anybody who guesses the password.',
        fresh: false,
        errors: OVER,
      },
      restore: {
        operationId: 'restoreUser',
        summary: 'Restore a deleted user',
        description: 'Within 30 days. The user is active or disabled, as before the deletion.',
        fresh: 'sessions',
        errors: OVER,
      },
    } as const;
    for (const action of Object.keys(changes) as (keyof typeof changes)[]) {
      const { fresh, errors, ...texts } = changes[action];
      app.post(
        `/admin/users/:id/${action}`,
        {
          config: { access: 'permission', ifMatch: true, fresh, errors },
          schema: { ...texts, tags: TAGS, params: userParams, response: { 200: adminUserSchema } },
        },
        async (request) => {
          const { id } = request.params as { id: string };
          const user = await admin[action](callerOf(request), id);
          return adminUserView(user, await givenRoleCodesOf(user), config.publicUrl);
        },
      );
    }

    app.post(
      '/admin/users/:id/password-reset',
      {
        config: { access: 'permission', fresh: 'sessions', errors: OVER },
        schema: {
          operationId: 'sendPasswordReset',
          summary: 'Mail a user a link for a new password, or their invitation again',
          description: 'Nothing else changes until the link is used; then every session ends.',
          tags: TAGS,
          params: userParams,
          response: { 202: acceptedSchema },
        },
      },
      async (request, reply) => {
        await admin.mailReset(callerOf(request), request.params.id);
        return reply.code(202).send({ status: 'accepted' });
      },
    );

    app.post(
      '/admin/users/:id/temporary-password',
      {
        config: {
          access: 'permission',
          ifMatch: true,
          fresh: 'sessions',
          errors: [...OVER, 'self_protected', ...PASSWORD_CODES, ...ENCRYPTED_CODES],
        },
        schema: {
          operationId: 'setTemporaryPassword',
          summary: 'Set a password that the user must change; every session ends',
          description: 'The next sign-in with it answers `step_required`.',
          tags: TAGS,
          params: userParams,
          body: temporaryPasswordBody,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const { temporaryPassword } = await decryptor.open(request.body, 'temporaryPassword');
        await admin.setTemporaryPassword(callerOf(request), request.params.id, temporaryPassword);
        return reply.code(204).send(null);
      },
    );

    app.get(
      '/admin/users/:id/sessions',
      {
        config: { access: 'permission', errors: ['user_not_found'] },
        schema: {
          operationId: 'listUserSessions',
          summary: 'Where a user is signed in',
          description: 'Their open sessions, the latest first.',
          tags: TAGS,
          params: userParams,
          response: { 200: sessionListSchema },
        },
      },
      async (request) => {
        const { id } = await admin.get(request.params.id);
        const items = await sessions.list(id);
        return { items: items.map((session) => sessionView(session, request.actor?.sessionId ?? null)) };
      },
    );

    app.delete(
      '/admin/users/:id/sessions',
      {
        config: { access: 'permission', errors: ['user_not_found', 'power_exceeded'] },
        schema: {
          operationId: 'endUserSessions',
          summary: "End all of a user's sessions",
          description: 'Their tokens become invalid immediately.',
          tags: TAGS,
          params: userParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await admin.endSessions(callerOf(request), request.params.id);
        return reply.code(204).send(null);
      },
    );

    app.delete(
      '/admin/users/:id/sessions/:sessionId',
      {
        config: { access: 'permission', errors: ['user_not_found', 'power_exceeded', 'session_not_found'] },
        schema: {
          operationId: 'endUserSession',
          summary: "End one of a user's sessions",
          description: 'Its tokens become invalid immediately.',
          tags: TAGS,
          params: userSessionParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const { id, sessionId } = request.params;
        const user = await admin.get(id);
        await demandOver(callerOf(request), user);
        if (!isId(sessionId)) throw sessionErrors.session_not_found();
        await sessions.end(callerOf(request), user.id, sessionId);
        return reply.code(204).send(null);
      },
    );
  };
}
