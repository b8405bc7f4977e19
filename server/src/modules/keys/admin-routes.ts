import { callerOf } from '../../platform/http/caller.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { optionalBody } from '../../platform/http/schemas.ts';
import type { Keys } from './keys.ts';
import { keyParams, keysSchema, keyView, rotateBody } from './schemas.ts';

const TAGS = ['Keys'];
/** Each call makes a key, which takes time and a place in the published list. */
const LIMIT = { name: 'keys', points: 10, duration: 60 };

/** The keys that sign tokens and decrypt passwords, for administrators. */
export function keyAdminRoutes({ keys }: { keys: Keys }) {
  const view = async () => ({ items: (await keys.list()).map(keyView) });

  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/admin/keys',
      {
        config: { access: 'permission' },
        schema: {
          operationId: 'listKeys',
          summary: 'All keys, by use and age; no private halves',
          description: 'Those that sign tokens, and those that decrypt passwords.',
          tags: TAGS,
          response: { 200: keysSchema },
        },
      },
      view,
    );

    app.post(
      '/admin/keys/rotate',
      {
        config: { access: 'permission', sensitive: true, fresh: true, limit: LIMIT },
        schema: {
          operationId: 'rotateKeys',
          summary: 'Put the next key to use now; what the present one signed lives out its time',
          description: 'Of the keys that sign tokens, unless `use` says otherwise.',
          tags: TAGS,
          body: optionalBody(rotateBody),
          response: { 200: keysSchema },
        },
      },
      async (request) => {
        await keys.rotate(callerOf(request), request.body?.use ?? 'sig');
        return view();
      },
    );

    app.post(
      '/admin/keys/:id/revoke',
      {
        config: { access: 'permission', sensitive: true, fresh: true, limit: LIMIT, errors: ['key_not_found'] },
        schema: {
          operationId: 'revokeKey',
          summary: 'Throw a key away at once, with everything that it signed',
          description: 'For a key that somebody else may have. If it is active, the next one is put to use first.',
          tags: TAGS,
          params: keyParams,
          response: { 200: keysSchema },
        },
      },
      async (request) => {
        await keys.revoke(callerOf(request), request.params.id);
        return view();
      },
    );
  };
}
