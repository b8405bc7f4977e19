import type { Caller } from '../../platform/http/caller.ts';
import type { Events } from '../events/events.ts';
import type { SuperadminRecord, SuperadminStore } from './superadmin-store.ts';

export interface Superadmins {
  /** From memory, which `evict` keeps true. */
  has(userId: string): Promise<boolean>;
  read(): Promise<SuperadminRecord>;
  /** Adds one; does nothing where they are one already. */
  grant(caller: Caller, userId: string): Promise<void>;
  /** Adds the first one; false where there is one already. */
  grantFirst(caller: Caller, userId: string): Promise<boolean>;
  /** Stores a new setup link; false where somebody else wrote meanwhile. */
  offerSetup(from: SuperadminRecord, setup: NonNullable<SuperadminRecord['setup']>): Promise<boolean>;
  evict(target: string): void;
  /** Everything may have changed. */
  clear(): void;
}

const TARGET = 'superadmins:all';

/** Who is a superadmin. One record is the only truth, so that it can never be half changed. */
export function createSuperadmins({ store, events }: { store: SuperadminStore; events: Events }): Superadmins {
  let remembered: Promise<ReadonlySet<string>> | null = null;

  function members(): Promise<ReadonlySet<string>> {
    if (remembered) return remembered;
    const reading = store.read().then((record) => new Set(record.userIds));
    reading.catch(() => {
      if (remembered === reading) remembered = null;
    });
    remembered = reading;
    return reading;
  }

  async function add(caller: Caller, userId: string, first: boolean): Promise<boolean> {
    for (;;) {
      const record = await store.read();
      if (record.userIds.includes(userId)) return true;
      if (first && record.userIds.length > 0) return false;
      const next = { userIds: [...record.userIds, userId], setup: null };
      const event = events.describe(caller, {
        type: 'superadmin.granted',
        target: TARGET,
        userId,
        data: { before: record.userIds, after: next.userIds },
        evicts: true,
      });
      if (await store.replace(record.version, next, event)) return true;
    }
  }

  return {
    has: async (userId) => (await members()).has(userId),
    read: () => store.read(),
    grant: async (caller, userId) => void (await add(caller, userId, false)),
    grantFirst: (caller, userId) => add(caller, userId, true),

    offerSetup(from, setup) {
      const event = events.describe(null, { type: 'superadmin.setup_offered', target: TARGET });
      return store.replace(from.version, { userIds: from.userIds, setup }, event);
    },

    evict(target) {
      if (target === TARGET) remembered = null;
    },

    clear() {
      remembered = null;
    },
  };
}
