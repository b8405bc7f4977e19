import { Type } from 'typebox';
import { actorOf } from '../../platform/http/actor.ts';
import { type Caller, callerOf } from '../../platform/http/caller.ts';
import { createAttemptLimit } from '../../platform/http/limits.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { acceptedSchema } from '../auth/schemas.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import type { FactorResets } from './resets.ts';
import { idParams, recoverFactorsBody, resetBody, resetSchema, stopResetBody } from './schemas.ts';
import type { TrustedDevices } from './trusted-devices.ts';

const MINE = ['The user'];

/** Routes of trusted devices, the lock-down, and resets of second factors. */
export function mfaRoutes(deps: {
  users: Pick<Users, 'me' | 'lockDown'>;
  trustedDevices: TrustedDevices;
  resets: FactorResets;
  /** The user of a sign-in that waits for its second factor. Throws `token_invalid`. */
  waitingForFactor: (caller: Caller, flowToken: string) => Promise<UserRecord>;
}) {
  const { users, trustedDevices, resets, waitingForFactor } = deps;
  const recoverLimit = createAttemptLimit({ name: 'recover-factors', points: 5, duration: 3600 });
  const stopLimit = createAttemptLimit({ name: 'stop-factor-reset', points: 5, duration: 60 });

  return async (app: HttpServer): Promise<void> => {
    app.delete(
      '/users/me/trusted-devices',
      {
        config: { access: 'signedIn' },
        schema: {
          operationId: 'distrustDevices',
          summary: 'Trust no device any more',
          description: 'Each is asked for the second factor again, at the next sign-in or refresh.',
          tags: MINE,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await trustedDevices.distrust(callerOf(request), await users.me(actorOf(request)), null);
        return reply.code(204).send(null);
      },
    );

    app.delete(
      '/users/me/trusted-devices/:id',
      {
        config: { access: 'signedIn', errors: ['trusted_device_not_found'] },
        schema: {
          operationId: 'distrustDevice',
          summary: 'Trust a device no more',
          description: 'It is asked for the second factor again, at the next sign-in or refresh.',
          tags: MINE,
          params: idParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await trustedDevices.distrust(callerOf(request), await users.me(actorOf(request)), request.params.id);
        return reply.code(204).send(null);
      },
    );

    app.post(
      '/users/me/lock-down',
      {
        config: { access: 'signedIn', fresh: true },
        schema: {
          operationId: 'lockDown',
          summary: 'End everything that acts for you',
          description:
            'For who suspects a stranger in the account: ends all sessions, this one too, all API keys, grants of applications and trusted devices, at once. Then sign in and change the password.',
          tags: MINE,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await users.lockDown(callerOf(request), actorOf(request).userId);
        return reply.code(204).send(null);
      },
    );

    app.delete(
      '/users/me/factors/reset',
      {
        config: { access: 'signedIn', fresh: true },
        schema: {
          operationId: 'stopMyFactorReset',
          summary: 'Stop a reset of your second factors',
          description: 'Does nothing if none waits. A sign-in with a second factor stops it, too.',
          tags: MINE,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await resets.cancelByFactor(callerOf(request), await users.me(actorOf(request)));
        return reply.code(204).send(null);
      },
    );

    app.post(
      '/auth/recover-factors',
      {
        config: { access: 'public', errors: ['token_invalid'] },
        schema: {
          operationId: 'recoverFactors',
          summary: 'Ask for a reset of lost second factors',
          description:
            'After the right password. Mails the verified address; the reset takes effect after `MFA_RESET_DELAY`, unless the link in the mail or any factor stops it. Where a role demands a second factor, only an administrator may reset it. The answer is always the same.',
          tags: ['Accounts'],
          body: recoverFactorsBody,
          response: { 202: acceptedSchema },
        },
      },
      async (request, reply) => {
        const user = await waitingForFactor(callerOf(request), request.body.flowToken);
        await recoverLimit(request, user.id);
        await resets.requestOwn(callerOf(request), user);
        return reply.code(202).send({ status: 'accepted' });
      },
    );

    app.post(
      '/auth/stop-factor-reset',
      {
        config: { access: 'public', errors: ['token_invalid'] },
        schema: {
          operationId: 'stopFactorReset',
          summary: 'Stop a reset of second factors, with the token of the mailed link',
          description: 'The link contains its token after `#token=`.',
          tags: ['Accounts'],
          body: stopResetBody,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const { token } = request.body;
        await stopLimit(request, token);
        await resets.cancelByToken(callerOf(request), token);
        return reply.code(204).send(null);
      },
    );

    app.post(
      '/admin/users/:id/factors/reset',
      {
        config: {
          access: 'permission',
          sensitive: true,
          fresh: true,
          aal: 2,
          errors: ['user_not_found', 'self_protected', 'power_exceeded', 'no_second_factor'],
        },
        schema: {
          operationId: 'resetFactors',
          summary: "Reset a user's second factors, after a delay",
          description:
            'For who has lost them. The user is told at once, and any factor or the mailed link stops it. When it takes effect, all sessions end, and the next sign-in must set up a second factor where one is demanded. A second request changes nothing.',
          tags: ['Users'],
          params: idParams,
          body: resetBody,
          response: { 202: resetSchema },
        },
      },
      async (request, reply) => {
        const effectiveAt = await resets.request(callerOf(request), request.params.id, request.body.reason);
        return reply.code(202).send({ effectiveAt });
      },
    );

    app.delete(
      '/admin/users/:id/factors/reset',
      {
        config: { access: 'permission', errors: ['user_not_found', 'power_exceeded'] },
        schema: {
          operationId: 'cancelFactorReset',
          summary: "Cancel the reset of a user's second factors",
          description: 'Does nothing if none waits.',
          tags: ['Users'],
          params: idParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await resets.cancel(callerOf(request), request.params.id);
        return reply.code(204).send(null);
      },
    );
  };
}
