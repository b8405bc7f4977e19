import { createMemory } from '../../platform/cache/memory.ts';
import type { Actor, Subject } from '../../platform/http/caller.ts';
import type { UserStore } from '../users/user-store.ts';
import type { ApiKeyRecord, ApiKeyStore } from './api-key-store.ts';
import { subjectOfKey } from './names.ts';
import { createNetworkCheck } from './networks.ts';
import type { ServiceAccountStore } from './service-account-store.ts';

/** A key as this process remembers it. */
export interface KeyState {
  record: ApiKeyRecord;
  subject: Subject;
  /** Whether it may come from an address. */
  admits: (ip: string) => boolean;
  /** Addresses whose networks are known to have been noted. */
  seenIps: Set<string>;
  /** When its use was last noted, in Unix milliseconds. */
  notedAt: number;
}

/** Whose roles count. */
export interface KeyHolder {
  roleIds: readonly string[];
  emailVerified: boolean;
  /** Keys of an older epoch are void. */
  grantEpoch: number;
}

export interface KeyStates {
  peek(id: string): { state: KeyState; holder: KeyHolder } | null;
  get(id: string): Promise<{ state: KeyState; holder: KeyHolder | null } | null>;
  /** Null unless the subject may act at all. Reads the database. */
  findHolder(subject: Subject): Promise<KeyHolder | null>;
  evict(target: string): void;
  clear(): void;
}

const REMEMBERED_KEYS = 20_000;
const ANY_ADDRESS = () => true;

/** Keys and those who hold them, remembered so that a request costs no query. `evict` keeps them true. */
export function createKeyStates(deps: {
  store: ApiKeyStore;
  serviceStore: ServiceAccountStore;
  userStore: UserStore;
  /** If false, every address counts as verified. */
  verificationRequired: boolean;
}): KeyStates {
  const { store, serviceStore, userStore, verificationRequired } = deps;

  const keys = createMemory<KeyState>({
    max: REMEMBERED_KEYS,
    load: async (id) => {
      const record = await store.find(id);
      if (!record) return null;
      const admits = record.networks.length === 0 ? ANY_ADDRESS : createNetworkCheck(record.networks);
      return {
        record,
        subject: subjectOfKey(record),
        admits,
        seenIps: new Set(),
        notedAt: record.lastUsedAt?.getTime() ?? 0,
      };
    },
  });
  const holders = createMemory<KeyHolder>({
    max: REMEMBERED_KEYS,
    load: (name) => {
      const [kind, id = ''] = name.split(':', 2);
      return findHolder({ kind: kind === 'person' ? 'person' : 'service', id });
    },
  });

  async function findHolder({ kind, id }: Subject): Promise<KeyHolder | null> {
    if (kind === 'service') {
      const account = await serviceStore.find(id);
      return account?.enabled ? { roleIds: account.roleIds, emailVerified: true, grantEpoch: 0 } : null;
    }
    const user = await userStore.find(id);
    if (user?.status !== 'active') return null;
    const { roleIds, emailVerified, grantEpoch } = user;
    return { roleIds, emailVerified: emailVerified || !verificationRequired, grantEpoch };
  }

  const nameOf = ({ kind, id }: Subject) => `${kind}:${id}`;

  return {
    peek(id) {
      const state = keys.peek(id);
      const holder = state && holders.peek(nameOf(state.subject));
      return state && holder ? { state, holder } : null;
    },

    async get(id) {
      const state = await keys.get(id);
      return state && { state, holder: await holders.get(nameOf(state.subject)) };
    },

    findHolder,

    evict(target) {
      const [kind, id] = target.split(':', 2);
      if (!id) return;
      if (kind === 'api_key') keys.evict(id);
      if (kind === 'user') holders.evict(`person:${id}`);
      if (kind === 'service_account') holders.evict(`service:${id}`);
    },

    clear() {
      keys.clear();
      holders.clear();
    },
  };
}

/** Why a key does not count now, by its record and its holder; null: it counts. */
export function whyDead(
  { revokedAt, expiresAt, grantEpoch }: Pick<ApiKeyRecord, 'revokedAt' | 'expiresAt' | 'grantEpoch'>,
  holder: KeyHolder | null,
  now: Date,
): 'revoked' | 'expired' | 'suspended' | null {
  if (revokedAt !== null) return 'revoked';
  if (expiresAt <= now) return 'expired';
  // Whoever is disabled or deleted, or has ended all that they had granted.
  return holder === null || grantEpoch < holder.grantEpoch ? 'suspended' : null;
}

/** Who calls with a live key. */
export function actorOfKey({ record, subject }: KeyState, { roleIds, emailVerified }: KeyHolder): Actor {
  const { id, expiresAt, rateLimit, organizationId, scopes, aal, phishingResistant, createdAt } = record;
  return {
    subject,
    via: { kind: 'key', id, clientId: 'ostiary', expiresAt: expiresAt.getTime(), rate: rateLimit },
    userId: subject.kind === 'person' ? subject.id : null,
    sessionId: null,
    sessionEpoch: null,
    emailVerified,
    roleIds,
    organizationId,
    scopes,
    assurance: { aal, phishingResistant, authTime: createdAt, methods: [] },
    actingFor: null,
  };
}
