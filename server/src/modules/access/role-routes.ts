import { Type } from 'typebox';
import { callerOf } from '../../platform/http/caller.ts';
import type { RouteCatalogue } from '../../platform/http/catalogue.ts';
import { type Lists, listArray, listQuery, listSchema } from '../../platform/http/paging.ts';
import { resultsSchema, resultsView } from '../../platform/http/results.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { trimText } from '../../platform/typed-text.ts';
import type { RoleRecord } from './role-store.ts';
import type { Roles } from './roles.ts';
import { createRoleBody, idParams, idsBody, patchRoleBody, roleSchema, roleView } from './schemas.ts';

const TAGS = ['Roles'];
const POWER_CODES = ['role_not_found', 'role_built_in', 'power_exceeded', 'self_protected'];

interface RoleFields {
  name?: string;
  description?: string | null;
  uiPermissions?: { buttons?: string[]; menus?: string[] };
}

/** Routes on which administrators list, create, change and delete roles. */
export function roleRoutes(deps: { roles: Roles; catalogue: RouteCatalogue; list: Lists }) {
  const { roles, catalogue, list } = deps;
  const view = (role: RoleRecord) => roleView(role, catalogue);
  /** Trims texts, and completes `uiPermissions`, which is stored as a whole: a list that is not given becomes empty. */
  const whole = <T extends RoleFields>({ uiPermissions, ...body }: T) => ({
    ...body,
    ...(body.name !== undefined && { name: trimText(body.name) ?? body.name }),
    ...(body.description !== undefined && { description: trimText(body.description ?? '') }),
    ...(uiPermissions && { uiPermissions: { buttons: uiPermissions.buttons ?? [], menus: uiPermissions.menus ?? [] } }),
  });

  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/admin/roles',
      {
        config: { access: 'permission' },
        schema: {
          operationId: 'listRoles',
          summary: 'All roles',
          description: 'Ordered by code.',
          tags: TAGS,
          querystring: Type.Object(listQuery, { additionalProperties: false }),
          response: { 200: listSchema(roleSchema) },
        },
      },
      async (request) => {
        const page = await list(
          request.query,
          listArray('roles', await roles.list(), ({ code }) => code),
        );
        return { ...page, items: page.items.map(view) };
      },
    );

    app.post(
      '/admin/roles',
      {
        config: { access: 'permission', fresh: 'sessions', errors: ['role_code_taken', 'power_exceeded'] },
        schema: {
          operationId: 'createRole',
          summary: 'Create a role',
          description: 'The role cannot grant more than you hold.',
          tags: TAGS,
          body: createRoleBody,
          response: { 201: roleSchema },
        },
      },
      async (request, reply) => {
        const role = await roles.create(callerOf(request), whole(request.body));
        return reply.code(201).send(view(role));
      },
    );

    app.post(
      '/admin/roles/delete',
      {
        config: { access: 'permission', errors: ['power_exceeded'] },
        schema: {
          operationId: 'deleteRoles',
          summary: 'Delete several roles; each has its own result',
          description:
            'At most 100. Also requires the permission to delete one. The result of a refused deletion has the `code` of its error.',
          tags: TAGS,
          body: idsBody,
          response: { 200: resultsSchema },
        },
      },
      async (request) => resultsView(await roles.removeAll(callerOf(request), request.body.ids)),
    );

    app.get(
      '/admin/roles/:id',
      {
        config: { access: 'permission', errors: ['role_not_found'] },
        schema: {
          operationId: 'getRole',
          summary: 'A role',
          description: 'Includes those of its permissions that match no route.',
          tags: TAGS,
          params: idParams,
          response: { 200: roleSchema },
        },
      },
      async (request) => view(await roles.get(request.params.id)),
    );

    app.patch(
      '/admin/roles/:id',
      {
        config: { access: 'permission', ifMatch: true, fresh: 'sessions', errors: [...POWER_CODES, 'role_code_taken'] },
        schema: {
          operationId: 'updateRole',
          summary: 'Change a role, immediately for every user who has it',
          description:
            'Changes only the given fields. You cannot let a role grant more than you hold, take away what you hold through it, or take anything from users who hold more: its code, permissions, strings, rate, or being enabled.',
          tags: TAGS,
          params: idParams,
          body: patchRoleBody,
          response: { 200: roleSchema },
        },
      },
      async (request) => view(await roles.change(callerOf(request), request.params.id, whole(request.body))),
    );

    app.delete(
      '/admin/roles/:id',
      {
        config: { access: 'permission', ifMatch: true, errors: POWER_CODES },
        schema: {
          operationId: 'deleteRole',
          summary: 'Delete a role, also from every user who has it',
          description: 'Not a built-in role, and none of a user who holds more than you.',
          tags: TAGS,
          params: idParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await roles.remove(callerOf(request), request.params.id);
        return reply.code(204).send(null);
      },
    );
  };
}
