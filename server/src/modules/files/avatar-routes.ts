import { type Static, Type } from 'typebox';
import { actorOf } from '../../platform/http/actor.ts';
import { callerOf } from '../../platform/http/caller.ts';
import { createOwnLimit } from '../../platform/http/limits.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { bytesAnswer } from '../../platform/http/schemas.ts';
import { userSchema, userView } from '../users/schemas.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { Avatars } from './avatars.ts';
import { fileErrors } from './errors.ts';
import { AVATAR_SIZES } from './names.ts';

const TAGS = ['The user'];
/** Bytes; what a phone makes of one shot is smaller. */
const LARGEST = 5 * 1024 ** 2;
const HOUR = 3600;

/** Pages of other origins may show it, and nothing more: it was made by this server, and is sent as what it is. */
const SHOWN = {
  'cache-control': 'public, max-age=86400, immutable',
  'content-security-policy': "sandbox; default-src 'none'",
  'cross-origin-resource-policy': 'cross-origin',
};

const webpAnswer = Type.Unsafe<never>({ ...bytesAnswer, title: 'WebpImage', contentMediaType: 'image/webp' });

/** Routes on which people change their avatar, and everybody sees it. */
export function avatarRoutes(deps: {
  avatars: Avatars;
  roleCodesOf: (user: UserRecord) => string[] | Promise<string[]>;
  publicUrl: string;
}) {
  const { avatars, roleCodesOf, publicUrl } = deps;
  // Each takes a core for a tenth of a second or more.
  const limit = createOwnLimit({ name: 'avatar', points: 30, duration: HOUR });
  const view = async (user: UserRecord): Promise<Static<typeof userSchema>> =>
    userView(user, await roleCodesOf(user), publicUrl);

  return async (app: HttpServer): Promise<void> => {
    await app.register(async (scope: HttpServer) => {
      // Its content tells what it is; what it is called does not matter.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: LARGEST }, (_request, body, done) =>
        done(null, body),
      );

      scope.put(
        '/users/me/avatar',
        {
          bodyLimit: LARGEST,
          config: { access: 'signedIn', takes: 'image/*', errors: ['avatar_invalid'] },
          schema: {
            operationId: 'setMyAvatar',
            summary: 'Set your avatar',
            description:
              'The body is the picture itself (JPEG, PNG, WebP, GIF or AVIF, at most 5 MB). It is cut to a square and encoded anew, in two sizes; of an animation the first picture stays.',
            tags: TAGS,
            response: { 200: userSchema },
          },
        },
        async (request) => {
          const { userId } = actorOf(request);
          await limit(request, userId);
          const { body } = request as { body: unknown };
          if (!Buffer.isBuffer(body)) throw fileErrors.avatar_invalid();
          return view(await avatars.set(callerOf(request), userId, body));
        },
      );
    });

    app.delete(
      '/users/me/avatar',
      {
        config: { access: 'signedIn' },
        schema: {
          operationId: 'deleteMyAvatar',
          summary: 'Take your avatar away',
          description: 'Also where there is none.',
          tags: TAGS,
          response: { 200: userSchema },
        },
      },
      async (request) => view(await avatars.clear(callerOf(request), actorOf(request).userId)),
    );

    app.get(
      '/avatars/:id',
      {
        config: { access: 'public', errors: ['not_found'], answerHeaders: ['Cache-Control'] },
        schema: {
          operationId: 'getAvatar',
          summary: 'An avatar',
          description:
            'WebP, square. `avatarUrl` of a user leads here; nobody can guess the address. Every new avatar has another.',
          tags: TAGS,
          params: Type.Object({ id: Type.String({ maxLength: 100 }) }),
          querystring: Type.Object(
            {
              size: Type.Optional(
                Type.Enum(AVATAR_SIZES.map(String), { description: `Pixels of a side. Default ${AVATAR_SIZES[0]}.` }),
              ),
            },
            { additionalProperties: false },
          ),
          response: { 200: webpAnswer },
        },
      },
      async (request, reply) => {
        const size = Number(request.query.size ?? AVATAR_SIZES[0]);
        const bytes = await avatars.read(request.params.id, size);
        return reply
          .headers(SHOWN)
          .type('image/webp')
          .send(bytes as never);
      },
    );
  };
}
