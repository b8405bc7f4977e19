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
          summary: 'List all keys',
          description: 'Keys that sign tokens, and keys that decrypt passwords; without their private halves.',
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
          summary: 'Rotate: make the next key the active one',
          description:
            'Rotates the keys that sign tokens, unless `use` says otherwise. What the present key signed stays valid until it expires.',
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
          summary: 'Revoke a key and everything that it signed',
          description:
            'For a key that may have leaked. Takes effect immediately. If the key is active, the next one becomes active first.',
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
