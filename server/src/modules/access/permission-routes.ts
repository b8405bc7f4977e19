import { Type } from 'typebox';
import { actorOf } from '../../platform/http/actor.ts';
import type { RouteCatalogue } from '../../platform/http/catalogue.ts';
import { type Lists, listArray, listQuery, listSchema } from '../../platform/http/paging.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { explain } from './explain.ts';
import type { Grants } from './grants.ts';
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

/** What a person may do, what there is to be permitted, and why somebody may or may not. */
export function permissionRoutes(deps: {
  users: Users;
  /** Throws `user_not_found`. */
  findUser: (id: string) => Promise<UserRecord>;
  grants: Grants;
  catalogue: RouteCatalogue;
  verificationRequired: boolean;
  list: Lists;
}) {
  const { users, findUser, grants, catalogue, list } = deps;

  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/users/me/permissions',
      {
        config: { access: 'signedIn' },
        schema: {
          operationId: 'getMyPermissions',
          summary: 'What you may do',
          description:
            'The roles that count, and all that they give together: permissions, and strings for a front end.',
          tags: ['The user'],
          response: { 200: permissionsSchema },
        },
      },
      async (request) => permissionsView(await grants.rolesOf(await users.me(actorOf(request)))),
    );

    app.get(
      '/admin/routes',
      {
        config: { access: 'permission' },
        schema: {
          operationId: 'listRoutes',
          summary: 'Every route, with the code that permits it',
          description: 'What roles can grant: the code of a route is its method and path.',
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
        config: { access: 'permission', errors: ['user_not_found', 'route_not_found'] },
        schema: {
          operationId: 'explainAccess',
          summary: 'Why somebody may call a route, or may not: which role and which grant decides',
          description: 'Decides as the server would at this moment.',
          tags: TAGS,
          params: idParams,
          querystring: explainQuery,
          response: { 200: explanationSchema },
        },
      },
      async (request) => {
        const { method, path } = request.query;
        return explanationView(await explain(deps, await findUser(request.params.id), method, path));
      },
    );
  };
}
