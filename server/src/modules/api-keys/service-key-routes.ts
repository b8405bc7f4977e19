import { Type } from 'typebox';
import type { Clock } from '../../platform/clock.ts';
import { type Caller, callerOf } from '../../platform/http/caller.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { optionalBody } from '../../platform/http/schemas.ts';
import type { ApiKeyStore } from './api-key-store.ts';
import { MAKING_ERRORS, ROTATING_ERRORS, SHOWN_KEYS } from './key-routes.ts';
import type { KeyStates } from './key-states.ts';
import type { KeyOwner, Keys } from './keys.ts';
import {
  accountKeyParams,
  createKeyBody,
  keyListSchema,
  keyParams,
  keySchema,
  keyView,
  madeKeySchema,
  patchKeyBody,
  rotateKeyBody,
  toKeyInput,
  toKeyPatch,
  toRotation,
} from './schemas.ts';
import type { ServiceAccounts } from './service-accounts.ts';

const TAGS = ['Service accounts'];
const OVER = ['service_account_not_found', 'power_exceeded'];

/** Routes on which administrators make and end the keys of service accounts. Whoever does so holds all that the account holds. */
export function serviceKeyRoutes(deps: {
  accounts: ServiceAccounts;
  keys: Keys;
  states: KeyStates;
  store: ApiKeyStore;
  clock: Clock;
}) {
  const { accounts, keys, states, store, clock } = deps;

  async function ownerOf(caller: Caller, id: string): Promise<KeyOwner> {
    const account = await accounts.get(id);
    await accounts.demandOver(caller, account);
    return { kind: 'svc', subjectId: account.id, grantEpoch: 0 };
  }
  const holderOf = (id: string) => states.findHolder({ kind: 'service', id });

  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/admin/service-accounts/:id/keys',
      {
        config: { access: 'permission', errors: ['service_account_not_found'] },
        schema: {
          operationId: 'listServiceAccountKeys',
          summary: 'The keys of a service account',
          description: 'The latest first, without those that were revoked.',
          tags: TAGS,
          params: keyParams,
          response: { 200: keyListSchema },
        },
      },
      async (request) => {
        const { id } = await accounts.get(request.params.id);
        const [all, holder] = await Promise.all([store.listOf(id, SHOWN_KEYS), holderOf(id)]);
        return { items: all.map((key) => keyView(key, holder, clock())) };
      },
    );

    app.post(
      '/admin/service-accounts/:id/keys',
      {
        config: { access: 'permission', fresh: 'sessions', errors: [...OVER, ...MAKING_ERRORS] },
        schema: {
          operationId: 'createServiceAccountKey',
          summary: 'Make a key of a service account',
          description:
            'It acts within its scopes and what the roles of the account grant at each request. The answer shows it once. Made by a key, it lies within that one, and ends no later.',
          tags: TAGS,
          params: keyParams,
          body: createKeyBody,
          response: { 201: madeKeySchema },
        },
      },
      async (request, reply) => {
        const caller = callerOf(request);
        const owner = await ownerOf(caller, request.params.id);
        const { key, secret } = await keys.make(caller, owner, toKeyInput(request.body));
        return reply.code(201).send({ key: keyView(key, await holderOf(owner.subjectId), clock()), secret });
      },
    );

    app.patch(
      '/admin/service-accounts/:id/keys/:keyId',
      {
        config: { access: 'permission', errors: [...OVER, 'key_not_found', 'key_widened', 'scope_unknown'] },
        schema: {
          operationId: 'narrowServiceAccountKey',
          summary: 'Rename a key of a service account, or make it narrower',
          description: 'Fewer scopes or networks, an earlier end; never more.',
          tags: TAGS,
          params: accountKeyParams,
          body: patchKeyBody,
          response: { 200: keySchema },
        },
      },
      async (request) => {
        const caller = callerOf(request);
        const owner = await ownerOf(caller, request.params.id);
        const key = await keys.narrow(caller, owner, request.params.keyId, toKeyPatch(request.body));
        return keyView(key, await holderOf(owner.subjectId), clock());
      },
    );

    app.post(
      '/admin/service-accounts/:id/keys/:keyId/rotate',
      {
        config: { access: 'permission', fresh: 'sessions', errors: [...OVER, ...ROTATING_ERRORS] },
        schema: {
          operationId: 'rotateServiceAccountKey',
          summary: 'Give a key of a service account a new secret',
          description: 'The former one works until the overlap is over.',
          tags: TAGS,
          params: accountKeyParams,
          body: optionalBody(rotateKeyBody),
          response: { 200: madeKeySchema },
        },
      },
      async (request) => {
        const caller = callerOf(request);
        const owner = await ownerOf(caller, request.params.id);
        const { key, secret } = await keys.rotate(caller, owner, request.params.keyId, toRotation(request.body));
        return { key: keyView(key, await holderOf(owner.subjectId), clock()), secret };
      },
    );

    app.delete(
      '/admin/service-accounts/:id/keys/:keyId',
      {
        config: { access: 'permission', errors: [...OVER, 'key_not_found'] },
        schema: {
          operationId: 'revokeServiceAccountKey',
          summary: 'Revoke a key of a service account',
          description: 'It stops working immediately.',
          tags: TAGS,
          params: accountKeyParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const caller = callerOf(request);
        const owner = await ownerOf(caller, request.params.id);
        await keys.revoke(caller, owner, request.params.keyId, 'by_administrator');
        return reply.code(204).send(null);
      },
    );
  };
}
