import { type Static, Type } from 'typebox';
import type { Clock } from '../../platform/clock.ts';
import { type Caller, callerOf } from '../../platform/http/caller.ts';
import { type Lists, listSchema } from '../../platform/http/paging.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import { isId } from '../../platform/ids.ts';
import type { Authority } from '../access/authority.ts';
import { keyErrors } from '../keys/errors.ts';
import type { UserStore } from '../users/user-store.ts';
import type { ApiKeyRecord, ApiKeyStore, LiveKeyFilter } from './api-key-store.ts';
import type { KeyStates } from './key-states.ts';
import type { Keys } from './keys.ts';
import { subjectOfKey } from './names.ts';
import { keyParams, keySchema, keysInUseQuery, keyView } from './schemas.ts';
import type { ServiceAccountStore } from './service-account-store.ts';
import type { ServiceAccounts } from './service-accounts.ts';

const TAGS = ['Service accounts'];

/** Routes for the day on which something leaked: all keys that are good for something, whoever has them. */
export function inUseRoutes(deps: {
  keys: Keys;
  states: KeyStates;
  accounts: ServiceAccounts;
  authority: Authority;
  store: ApiKeyStore;
  serviceStore: ServiceAccountStore;
  userStore: Pick<UserStore, 'find'>;
  list: Lists;
  clock: Clock;
}) {
  const { keys, states, accounts, authority, store, serviceStore, userStore, list, clock } = deps;

  /** Nobody acts on who holds more than they. The key of somebody who is gone is nobody's. */
  async function demandOver(caller: Caller, key: ApiKeyRecord): Promise<void> {
    if (key.kind === 'pat') {
      const user = await userStore.find(key.subjectId);
      if (user !== null) await authority.demandOver(caller, user);
      return;
    }
    const account = await serviceStore.find(key.subjectId);
    if (account !== null) await accounts.demandOver(caller, account);
  }

  const view = async (key: ApiKeyRecord) => keyView(key, await states.findHolder(subjectOfKey(key)), clock());

  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/admin/keys-in-use',
      {
        config: { access: 'permission' },
        schema: {
          operationId: 'listKeysInUse',
          summary: 'All live API keys, of people and service accounts',
          description: 'The latest first. `suspended` ones are not accepted now, and may be again.',
          tags: TAGS,
          querystring: keysInUseQuery,
          response: { 200: listSchema(keySchema) },
        },
      },
      async ({ query }) => {
        const filter = filterOf(query, clock());
        const page = await list(query, {
          name: `keys-in-use ${JSON.stringify({ ...filter, now: 0 })}`,
          read: ({ after: before, ...rest }) => store.list(filter, { before, ...rest }),
          count: (limit) => store.count(filter, limit),
          keyOf: ({ id }) => id,
        });
        return { ...page, items: await Promise.all(page.items.map(view)) };
      },
    );

    app.delete(
      '/admin/keys-in-use/:id',
      {
        config: { access: 'permission', errors: ['key_not_found', 'power_exceeded'] },
        schema: {
          operationId: 'revokeKeyInUse',
          summary: 'Revoke the API key of anybody',
          description: 'Not of a person or service account that holds more than you.',
          tags: TAGS,
          params: keyParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const caller = callerOf(request);
        const { id } = request.params;
        const key = isId(id) ? await store.find(id) : null;
        if (key === null) throw keyErrors.key_not_found();
        await demandOver(caller, key);
        await keys.revoke(caller, key, id, 'by_administrator');
        return reply.code(204).send(null);
      },
    );
  };
}

function filterOf(query: Static<typeof keysInUseQuery>, now: Date): LiveKeyFilter {
  const { unusedSince, expiresBefore, wide, subject } = query;
  return {
    now,
    ...(unusedSince !== undefined && { unusedSince: new Date(unusedSince) }),
    ...(expiresBefore !== undefined && { expiresBefore: new Date(expiresBefore) }),
    ...(wide !== undefined && { wide: wide === 'true' }),
    ...(subject !== undefined && { subjectId: subject }),
  };
}
