import { Type } from 'typebox';
import type { Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import { actorOf, subjectIdOf } from '../../platform/http/actor.ts';
import { callerOf } from '../../platform/http/caller.ts';
import { demandFreshProof } from '../../platform/http/guard.ts';
import { listSchema } from '../../platform/http/paging.ts';
import { resultsSchema, resultsView } from '../../platform/http/results.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import type { Members } from '../access/members.ts';
import { PASSWORD_CODES } from '../auth/errors.ts';
import { ENCRYPTED_CODES } from '../password-encryption/errors.ts';
import type { PasswordDecryptor } from '../password-encryption/password-decryptor.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { Bulk } from './bulk.ts';
import {
  adminUserSchema,
  adminUserView,
  bulkBody,
  createUserBody,
  eraseQuery,
  membersQuery,
  patchUserBody,
  setRolesBody,
  userParams,
  usersQuery,
} from './schemas.ts';
import type { UserAdmin } from './user-admin.ts';
import type { UserList } from './user-list.ts';

const TAGS = ['Users'];
const IDENTITY_CODES = ['email_invalid', 'email_taken', 'username_invalid', 'username_taken'];
const OVER = ['user_not_found', 'power_exceeded'];
const OVER_OTHER = [...OVER, 'self_protected'];

/** Routes on which administrators list, create, change and delete users. */
export function userAdminRoutes(deps: {
  admin: UserAdmin;
  userList: UserList;
  bulk: Bulk;
  members: Members;
  decryptor: PasswordDecryptor;
  /** Codes of all the user's roles, disabled ones included. */
  givenRoleCodesOf: (user: UserRecord) => Promise<string[]>;
  config: Pick<Config, 'publicUrl'>;
  clock: Clock;
}) {
  const { admin, userList, bulk, members, decryptor, givenRoleCodesOf, config, clock } = deps;
  const view = async (user: UserRecord) => adminUserView(user, await givenRoleCodesOf(user), config.publicUrl);

  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/admin/users',
      {
        config: { access: 'permission', errors: ['role_not_found'] },
        schema: {
          operationId: 'listUsers',
          summary: 'Find users',
          description:
            'By words, role, status and time. A cursor is valid only with the filter and order that it came from.',
          tags: TAGS,
          querystring: usersQuery,
          response: { 200: listSchema(adminUserSchema) },
        },
      },
      async (request) => {
        const page = await userList.read(subjectIdOf(request), request.query);
        return { ...page, items: await Promise.all(page.items.map(view)) };
      },
    );

    app.get(
      '/admin/roles/:id/users',
      {
        config: { access: 'permission', errors: ['role_not_found'] },
        schema: {
          operationId: 'listRoleUsers',
          summary: 'The users who have a role',
          description: 'All users who were given the role, even while it is disabled.',
          tags: ['Roles'],
          params: userParams,
          querystring: membersQuery,
          response: { 200: listSchema(adminUserSchema) },
        },
      },
      async (request) => {
        const page = await userList.read(subjectIdOf(request), { ...request.query, role: request.params.id });
        return { ...page, items: await Promise.all(page.items.map(view)) };
      },
    );

    app.post(
      '/admin/users',
      {
        config: {
          access: 'permission',
          fresh: 'sessions',
          errors: [...IDENTITY_CODES, ...PASSWORD_CODES, ...ENCRYPTED_CODES, 'power_exceeded'],
        },
        schema: {
          operationId: 'createUser',
          summary: 'Create a user: by a mailed invitation, or with a temporary password',
          description:
            'Without a temporary password, the user is mailed a link to choose a password. Roles, a temporary password and a verified address each require the permission that would give them later.',
          tags: TAGS,
          body: createUserBody,
          response: { 201: adminUserSchema },
        },
      },
      async (request, reply) => {
        const input = await decryptor.openOptional(request.body, 'temporaryPassword');
        const user = await admin.create(callerOf(request), input);
        return reply.code(201).send(await view(user));
      },
    );

    app.post(
      '/admin/users/bulk',
      {
        config: { access: 'permission', errors: ['forbidden', 'reauth_required'] },
        schema: {
          operationId: 'changeUsers',
          summary: 'Apply one action to several users; each has its own result',
          description:
            'Also requires the permission of the route that applies the action to one user, and a fresh proof where that one does.',
          tags: TAGS,
          body: bulkBody,
          response: { 200: resultsSchema },
        },
      },
      async (request) => {
        const { action, ids } = request.body;
        return resultsView(await bulk.run(callerOf(request), action, ids));
      },
    );

    app.get(
      '/admin/users/:id',
      {
        config: { access: 'permission', errors: ['user_not_found'] },
        schema: {
          operationId: 'getUser',
          summary: 'A user',
          description: 'Includes fields that only administrators see.',
          tags: TAGS,
          params: userParams,
          response: { 200: adminUserSchema },
        },
      },
      async (request) => view(await admin.get(request.params.id)),
    );

    app.patch(
      '/admin/users/:id',
      {
        config: {
          access: 'permission',
          ifMatch: true,
          errors: [...OVER_OTHER, ...IDENTITY_CODES, 'locale_invalid', 'status_conflict', 'reauth_required'],
        },
        schema: {
          operationId: 'updateUser',
          summary: 'Change a user',
          description:
            'Changes only the given fields; `null` empties a field. A new address, or one that becomes verified, requires a fresh proof and the permission to send a password reset. If the user holds any role beyond `user`, it waits (`pendingEmail`). The old address can stop it.',
          tags: TAGS,
          params: userParams,
          body: patchUserBody,
          response: { 200: adminUserSchema },
        },
      },
      async (request) => view(await admin.patch(callerOf(request), request.params.id, request.body)),
    );

    app.delete(
      '/admin/users/:id',
      {
        config: {
          access: 'permission',
          ifMatch: true,
          errors: [...OVER_OTHER, 'superadmin_protected', 'reauth_required', 'credential_refused'],
        },
        schema: {
          operationId: 'deleteUser',
          summary: 'Delete a user, restorable for 30 days; or erase them',
          description:
            'Every session ends. `erase=true` removes the user permanently and immediately, and requires a fresh sign-in.',
          tags: TAGS,
          params: userParams,
          querystring: eraseQuery,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        if (request.query.erase === true) {
          // Machines never erase anybody.
          demandFreshProof({ actor: actorOf(request) }, clock);
          await admin.erase(callerOf(request), id);
        } else await admin.remove(callerOf(request), id);
        return reply.code(204).send(null);
      },
    );

    app.put(
      '/admin/users/:id/roles',
      {
        config: {
          access: 'permission',
          ifMatch: true,
          fresh: 'sessions',
          errors: [...OVER_OTHER, 'last_superadmin', 'status_conflict'],
        },
        schema: {
          operationId: 'setUserRoles',
          summary: 'Give a user exactly these roles',
          description:
            'Takes all other roles away immediately. You cannot give a role that grants more than you hold, or change your own roles.',
          tags: TAGS,
          params: userParams,
          body: setRolesBody,
          response: { 200: adminUserSchema },
        },
      },
      async (request) => view(await members.setRoles(callerOf(request), request.params.id, request.body.roles)),
    );
  };
}
