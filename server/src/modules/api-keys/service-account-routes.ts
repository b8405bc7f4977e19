import { Type } from 'typebox';
import type { Clock } from '../../platform/clock.ts';
import { callerOf } from '../../platform/http/caller.ts';
import { type Lists, listArray, listQuery, listSchema } from '../../platform/http/paging.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { trimText } from '../../platform/typed-text.ts';
import type { Grants } from '../access/grants.ts';
import {
  accountRolesBody,
  accountSchema,
  accountView,
  createAccountBody,
  keyParams,
  patchAccountBody,
} from './schemas.ts';
import type { ServiceAccountRecord } from './service-account-store.ts';
import type { ServiceAccounts } from './service-accounts.ts';

const TAGS = ['Service accounts'];
const OVER = ['service_account_not_found', 'power_exceeded'];

/** Routes on which administrators manage accounts for programs. */
export function serviceAccountRoutes(deps: {
  accounts: ServiceAccounts;
  grants: Pick<Grants, 'roles'>;
  list: Lists;
  clock: Clock;
}) {
  const { accounts, grants, list } = deps;

  async function view(account: ServiceAccountRecord) {
    const all = await grants.roles();
    const codes = account.roleIds.flatMap((id) => all.find((role) => role.id === id)?.code ?? []);
    return accountView(account, codes);
  }
  const named = <T extends { name?: string; description?: string | null }>({ ...body }: T) => ({
    ...body,
    ...(body.name !== undefined && { name: trimText(body.name) ?? body.name }),
    ...(body.description !== undefined && { description: trimText(body.description ?? '') }),
  });

  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/admin/service-accounts',
      {
        config: { access: 'permission' },
        schema: {
          operationId: 'listServiceAccounts',
          summary: 'All service accounts',
          description: 'The oldest first.',
          tags: TAGS,
          querystring: Type.Object(listQuery, { additionalProperties: false }),
          response: { 200: listSchema(accountSchema) },
        },
      },
      async (request) => {
        const all = listArray('service-accounts', await accounts.list(), ({ id }) => id);
        const page = await list(request.query, all);
        return { ...page, items: await Promise.all(page.items.map(view)) };
      },
    );

    app.post(
      '/admin/service-accounts',
      {
        config: { access: 'permission', fresh: 'sessions', errors: ['api_keys_off', 'power_exceeded'] },
        schema: {
          operationId: 'createServiceAccount',
          summary: 'Create an account for programs',
          description: 'It signs in by its keys alone, and cannot get roles that grant more than you hold.',
          tags: TAGS,
          body: createAccountBody,
          response: { 201: accountSchema },
        },
      },
      async (request, reply) => {
        const account = await accounts.create(callerOf(request), named(request.body));
        return reply.code(201).send(await view(account));
      },
    );

    app.get(
      '/admin/service-accounts/:id',
      {
        config: { access: 'permission', errors: ['service_account_not_found'] },
        schema: {
          operationId: 'getServiceAccount',
          summary: 'A service account',
          description: 'Its keys have a list of their own.',
          tags: TAGS,
          params: keyParams,
          response: { 200: accountSchema },
        },
      },
      async (request) => view(await accounts.get(request.params.id)),
    );

    app.patch(
      '/admin/service-accounts/:id',
      {
        config: { access: 'permission', ifMatch: true, fresh: 'sessions', errors: [...OVER, 'self_protected'] },
        schema: {
          operationId: 'updateServiceAccount',
          summary: 'Change, disable or enable a service account',
          description: 'Changes only the given fields. Disabled, none of its keys is accepted, immediately.',
          tags: TAGS,
          params: keyParams,
          body: patchAccountBody,
          response: { 200: accountSchema },
        },
      },
      async (request) => view(await accounts.change(callerOf(request), request.params.id, named(request.body))),
    );

    app.put(
      '/admin/service-accounts/:id/roles',
      {
        config: { access: 'permission', ifMatch: true, fresh: 'sessions', errors: [...OVER, 'self_protected'] },
        schema: {
          operationId: 'setServiceAccountRoles',
          summary: 'Replace the roles of a service account',
          description: 'They count for all its keys immediately.',
          tags: TAGS,
          params: keyParams,
          body: accountRolesBody,
          response: { 200: accountSchema },
        },
      },
      async (request) => view(await accounts.setRoles(callerOf(request), request.params.id, request.body.roles)),
    );

    app.delete(
      '/admin/service-accounts/:id',
      {
        config: { access: 'permission', ifMatch: true, errors: [...OVER, 'self_protected'] },
        schema: {
          operationId: 'deleteServiceAccount',
          summary: 'Delete a service account',
          description: 'Its keys stop working immediately. It cannot be restored; its history stays.',
          tags: TAGS,
          params: keyParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await accounts.remove(callerOf(request), request.params.id);
        return reply.code(204).send(null);
      },
    );
  };
}
