import type { Logger } from 'pino';
import type { Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { CredentialKind } from '../../platform/http/credential-kind.ts';
import type { Lists } from '../../platform/http/paging.ts';
import type { Part } from '../../platform/http/part.ts';
import type { Counters } from '../../platform/limits/counters.ts';
import type { Authority } from '../access/authority.ts';
import type { ExplainedVia } from '../access/explain.ts';
import type { Grants } from '../access/grants.ts';
import type { Roles } from '../access/roles.ts';
import type { Scopes } from '../access/scopes.ts';
import type { Events } from '../events/events.ts';
import type { Mails } from '../mails/mails.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import type { ApiKeyRecord, ApiKeyStore } from './api-key-store.ts';
import { registerFollowUps } from './follow-ups.ts';
import { inUseRoutes } from './in-use-routes.ts';
import { registerKeyJobs } from './jobs.ts';
import { createKeyCredentials } from './key-credentials.ts';
import { keyRoutes } from './key-routes.ts';
import { createKeyStates, type KeyHolder, type KeyStates, whyDead } from './key-states.ts';
import { createKeyUses } from './key-use.ts';
import { createKeys } from './keys.ts';
import { addKeyMails } from './owner-mails.ts';
import { serviceAccountRoutes } from './service-account-routes.ts';
import type { ServiceAccountStore } from './service-account-store.ts';
import { createServiceAccounts } from './service-accounts.ts';
import { serviceKeyRoutes } from './service-key-routes.ts';

export interface KeyCredentials {
  /** Keys as a kind of credential. */
  kind: CredentialKind;
  states: KeyStates;
  /** A service account by its id, with its roles; null unless it may act. */
  findService(id: string): Promise<(KeyHolder & { id: string }) | null>;
  countOwners(key: Pick<ApiKeyRecord, 'kind' | 'subjectId'>): Promise<number>;
  /** What a key of this user is limited to; null if there is no such key. */
  explainKey(userId: string, keyId: string): Promise<ExplainedVia | null>;
}

/** Reads keys; what else there is to keys is `createApiKeys`, which needs to know who may do what. */
export function createKeyReading(deps: {
  store: ApiKeyStore;
  serviceStore: ServiceAccountStore;
  userStore: UserStore;
  verificationRequired: boolean;
  counters: Counters | null;
  config: Pick<Config, 'apiKeys'>;
  events: Events;
  clock: Clock;
  log: Logger;
}): KeyCredentials {
  const { store, serviceStore, config, clock } = deps;
  const { enabled } = config.apiKeys;
  const states = createKeyStates(deps);
  const countOwners: KeyCredentials['countOwners'] = async ({ kind, subjectId }) =>
    kind === 'pat' ? 1 : ((await serviceStore.find(subjectId))?.ownerIds.length ?? 0);
  const uses = createKeyUses({ ...deps, countOwners });
  return {
    kind: createKeyCredentials({ ...deps, enabled, states, uses }),
    states,
    async findService(id) {
      const holder = await states.findHolder({ kind: 'service', id });
      return holder && { id, ...holder };
    },
    countOwners,
    async explainKey(userId, keyId) {
      const key = await store.find(keyId);
      if (key === null || key.kind !== 'pat' || key.subjectId !== userId) return null;
      const holder = await states.findHolder({ kind: 'person', id: userId });
      return { scopes: key.scopes, isLive: enabled && whyDead(key, holder, clock()) === null };
    },
  };
}

/** API keys, personal and of service accounts: `createApiKeys({ ...base, ...reading, store: storage.apiKeys, authority, … })`. */
export function createApiKeys(deps: {
  store: ApiKeyStore;
  serviceStore: ServiceAccountStore;
  userStore: UserStore;
  users: Pick<Users, 'me'>;
  keyReading: KeyCredentials;
  authority: Authority;
  roles: Roles;
  grants: Pick<Grants, 'roles'>;
  scopes: Scopes;
  config: Pick<Config, 'apiKeys'>;
  events: Events;
  mails: Mails;
  periodic: Periodic;
  list: Lists;
  clock: Clock;
}): Part {
  const { store, serviceStore, users, keyReading, config } = deps;
  const { states, countOwners } = keyReading;
  const keys = createKeys({ ...deps, ...config.apiKeys, countOwners });
  const accounts = createServiceAccounts({ ...deps, ...config.apiKeys, store: serviceStore });
  addKeyMails(deps);
  registerKeyJobs({ ...deps, countOwners });
  registerFollowUps(deps);
  const shared = { ...deps, store, keys, states, accounts };
  return {
    routes: [
      keyRoutes({ ...shared, me: (actor) => users.me(actor) }),
      serviceAccountRoutes(shared),
      serviceKeyRoutes(shared),
      inUseRoutes(shared),
    ],
    remembers: states,
  };
}
