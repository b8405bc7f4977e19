import { type Static, Type } from 'typebox';
import { CODE_TTL } from '../../platform/crypto/one-time.ts';
import { actorOf } from '../../platform/http/actor.ts';
import { callerOf } from '../../platform/http/caller.ts';
import { createOwnLimit, rateLimited } from '../../platform/http/limits.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { avatarAddress } from './names.ts';
import type { OwnView } from './own-view.ts';
import {
  acceptedSchema,
  codeBody,
  newEmailBody,
  patchMeBody,
  publicProfileSchema,
  usernameInput,
  userSchema,
  userView,
} from './schemas.ts';
import type { UserRecord } from './user-store.ts';
import type { Users } from './users.ts';

const HOUR = 3600;
const TAGS = ['The user'];

/** The routes of `/users`: the user's own account, and public profiles. */
export function userRoutes({
  users,
  ownView,
  roleCodesOf,
  publicUrl,
  invalidCode,
}: {
  users: Users;
  ownView: OwnView;
  roleCodesOf: (user: UserRecord) => string[] | Promise<string[]>;
  publicUrl: string;
  invalidCode: () => Error;
}) {
  // Each request mails an address whose owner may not have asked for it; what many accounts send to one is bounded by the address.
  const emailChangeLimit = createOwnLimit({ name: 'email-change', points: 5, duration: HOUR });
  const codeLimit = createOwnLimit({ name: 'email-change-code', points: 5, duration: 60 });
  const view = async (user: UserRecord): Promise<Static<typeof userSchema>> =>
    userView(user, await roleCodesOf(user), publicUrl);

  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/users/me',
      {
        config: { access: 'signedIn' },
        schema: {
          operationId: 'getMe',
          summary: 'Your account',
          description: 'The account that the access token is for.',
          tags: TAGS,
          response: { 200: userSchema },
        },
      },
      (request, reply) => ownView.send(actorOf(request).userId, reply),
    );

    app.patch(
      '/users/me',
      {
        config: { access: 'signedIn', ifMatch: true, errors: ['username_taken', 'username_invalid', 'locale_invalid'] },
        schema: {
          operationId: 'updateMe',
          summary: 'Change your account',
          description: 'Changes only the fields in the body; `null` empties a field.',
          tags: TAGS,
          body: patchMeBody,
          response: { 200: userSchema },
        },
      },
      async (request) => view(await users.patchMe(callerOf(request), actorOf(request), request.body)),
    );

    app.delete(
      '/users/me',
      {
        config: { access: 'signedIn', fresh: true, ifMatch: true, errors: ['superadmin_protected'] },
        schema: {
          operationId: 'deleteMe',
          summary: 'Delete your account; restorable for 30 days',
          description:
            'Every session ends. An administrator can restore the account for 30 days; then it is erased, and its address is free again.',
          tags: TAGS,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await users.deleteMe(callerOf(request), actorOf(request));
        return reply.code(204).send(null);
      },
    );

    app.post(
      '/users/me/email',
      {
        config: { access: 'signedIn', fresh: true, errors: ['email_invalid'] },
        schema: {
          operationId: 'requestEmailChange',
          summary: 'Request another e-mail address; a code is mailed to it',
          description:
            'The address changes once the code is sent to `POST /api/v1/users/me/email/confirm`. The answer does not tell whether it is in use.',
          tags: TAGS,
          body: newEmailBody,
          response: { 202: acceptedSchema },
        },
      },
      async (request, reply) => {
        const actor = actorOf(request);
        await emailChangeLimit(request, actor.userId);
        const wait = await users.beginEmailChange(callerOf(request), actor.userId, request.body.newEmail);
        if (wait > 0) throw rateLimited(wait);
        return reply.code(202).send({ status: 'verification_required' as const, expiresIn: CODE_TTL / 1000 });
      },
    );

    app.post(
      '/users/me/email/confirm',
      {
        config: { access: 'signedIn', errors: ['code_invalid', 'email_taken'] },
        schema: {
          operationId: 'confirmEmailChange',
          summary: 'Confirm the new e-mail address with its code',
          description: 'The old address is notified.',
          tags: TAGS,
          body: codeBody,
          response: { 200: userSchema },
        },
      },
      async (request) => {
        const { userId } = actorOf(request);
        await codeLimit(request, userId);
        return view(await users.confirmEmailChange(callerOf(request), userId, request.body.code, invalidCode));
      },
    );

    app.get(
      '/users/by-name/:username',
      {
        config: { access: 'public', errors: ['user_not_found'] },
        schema: {
          operationId: 'getPublicProfile',
          summary: 'A public profile',
          description: 'Only if the user made it public.',
          tags: TAGS,
          params: Type.Object({ username: usernameInput }, { additionalProperties: false }),
          response: { 200: publicProfileSchema },
        },
      },
      async (request) => {
        const user = await users.publicProfile(request.params.username);
        const { username, fullName, profile, createdAt } = user;
        return { username, fullName, avatarUrl: avatarAddress(user, publicUrl), profile, createdAt };
      },
    );
  };
}
