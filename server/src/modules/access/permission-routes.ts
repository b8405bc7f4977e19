import { Type } from 'typebox';
import { actorOf } from '../../platform/http/actor.ts';
import type { RouteCatalogue } from '../../platform/http/catalogue.ts';
import { type Lists, listArray, listQuery, listSchema } from '../../platform/http/paging.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { isId } from '../../platform/ids.ts';
import { keyErrors } from '../keys/errors.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { type ExplainedVia, explain } from './explain.ts';
import type { Grants } from './grants.ts';
import { levelOf } from './names.ts';
import {
  explainQuery,
  explanationSchema,
  explanationView,
  idParams,
  permissionsSchema,
  permissionsView,
  routeSchema,
  routeView,
} from './schemas.ts';

const TAGS = ['Roles'];

/** Routes that tell what the caller may do, which routes exist, and why a user may or may not call one. */
export function permissionRoutes(deps: {
  users: Users;
  /** Throws `user_not_found`. */
  getUser: (id: string) => Promise<UserRecord>;
  grants: Grants;
  catalogue: RouteCatalogue;
  verificationRequired: boolean;
  /** What a key of the user is limited to; null if there is no such key. */
  explainKey: (userId: string, keyId: string) => Promise<ExplainedVia | null>;
  list: Lists;
}) {
  const { users, getUser, grants, catalogue, explainKey, list } = deps;

  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/users/me/permissions',
      {
        config: { access: 'signedIn' },
        schema: {
          operationId: 'getMyPermissions',
          summary: 'Your roles, and what they grant',
          description:
            'Your enabled roles and all that they grant together to this sign-in: permissions, and strings for a front end.',
          tags: ['The user'],
          response: { 200: permissionsSchema },
        },
      },
      async (request) => {
        const actor = actorOf(request);
        return permissionsView(await grants.rolesOf(await users.me(actor)), levelOf(actor.assurance));
      },
    );

    app.get(
      '/admin/routes',
      {
        config: { access: 'permission' },
        schema: {
          operationId: 'listRoutes',
          summary: 'All routes, with the codes that roles grant',
          description: 'The code of a route is its method and path.',
          tags: TAGS,
          querystring: Type.Object(listQuery, { additionalProperties: false }),
          response: { 200: listSchema(routeSchema) },
        },
      },
      async (request) => {
        const keyOf = ({ path, method }: { path: string; method: string }) => `${path} ${method}`;
        const page = await list(request.query, listArray('routes', catalogue.list(), keyOf));
        return { ...page, items: page.items.map(routeView) };
      },
    );

    app.get(
      '/admin/users/:id/explain',
      {
        config: { access: 'permission', errors: ['user_not_found', 'route_not_found', 'key_not_found'] },
        schema: {
          operationId: 'explainAccess',
          summary: 'Why a user may or may not call a route',
          description: 'Names the roles and grants that decide, as the server would decide now.',
          tags: TAGS,
          params: idParams,
          querystring: explainQuery,
          response: { 200: explanationSchema },
        },
      },
      async (request) => {
        const { method, path, via: keyId } = request.query;
        const user = await getUser(request.params.id);
        const via = keyId === undefined || !isId(keyId) ? null : await explainKey(user.id, keyId);
        if (keyId !== undefined && via === null) throw keyErrors.key_not_found();
        return explanationView(await explain(deps, user, method, path, via));
      },
    );
  };
}
